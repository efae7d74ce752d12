// SPDX-License-Identifier: MIT
#include <lamina/io/llm_c.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removal.hpp>

#include "io/exchange_model.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(LlmCCompatible<ExchangeModel>);
static_assert(LlmCCompatible<Gpt2<gpt2_small>>);
static_assert(!LlmCCompatible<Gpt2<exchange_size, norm::Absent, head::UntiedWithBias>>, "llm.c has norms");
static_assert(!LlmCCompatible<Gpt2<exchange_size, head::Untied>>, "and no other head than the embedding");
static_assert(!LlmCCompatible<Gpt2<exchange_size, norm::RmsNorm>>);
static_assert(!LlmCCompatible<int>);

/// What loading says of the golden checkpoint after its bytes were edited.
template <class Edit>
std::string complaint(Edit edit, LoadOptions options = {}, const std::string& name = "llm_c_f32.bin") {
    const ScratchFolder folder;
    std::string bytes = contents(interop_golden(name));
    edit(bytes);
    const auto file = write(folder / name, bytes);
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    return error_text([&] { load_llm_c(model, file, options); }, file);
}

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

std::string complaint_about(std::size_t place, std::int32_t value) {
    return complaint([&](std::string& bytes) { put(bytes, place * sizeof value, value); });
}

}  // namespace

TEST_CASE("checkpoints in llm.c's layout give the logits that transformers has, and are written back byte for byte") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    for (const std::string name : {"llm_c_f32", "llm_c_bf16"}) {
        CAPTURE(name);
        ExchangeModel model(backend);
        model.initialise(9);
        const auto golden = interop_golden(name + ".bin");
        load_llm_c(model, golden);
        // Sums of fewer than 100 rounded terms below 10.
        CHECK(error_of_logits(model, name) < 1e-4);
        save_llm_c(model, folder / name, {.store_as = name.ends_with("bf16") ? ScalarType::bf16 : ScalarType::f32});
        CHECK(contents(folder / name) == contents(golden));
    }
}

TEST_CASE("a header of another model or format is refused by its first wrong number") {
    CHECK(complaint_about(0, 20240520) ==
          "is a token shard of llm.c, expected a checkpoint of llm.c; give it where tokens are expected (--tokens)");
    CHECK(complaint_about(0, 3) == "magic number in the header is 3, expected 20240326");
    CHECK(complaint_about(1, 1) == "version in the header is 1, expected 3 (float) or 5 (bf16)");
    CHECK(complaint_about(2, 1024) == "positions in the header is 1024, expected 8");
    CHECK(complaint_about(3, 50257) == "vocabulary in the header is 50257, expected 40");
    CHECK(complaint_about(4, 12) == "layers in the header is 12, expected 2");
    CHECK(complaint_about(5, -2) == "heads in the header is -2, expected 2");
    CHECK(complaint_about(6, 768) == "width in the header is 768, expected 8");
    CHECK(complaint_about(7, 39) == "padded vocabulary in the header is 39, expected at least 40");
    CHECK(complaint_about(7, std::numeric_limits<std::int32_t>::max()) ==
          "is 12416 bytes long, expected 68719485024 as its header says");
    CHECK(complaint_about(255, 1) == "number 255 in the header is 1, expected 0, as it has no meaning");
}

TEST_CASE("a checkpoint of another length is refused") {
    CHECK(complaint([](std::string& bytes) { bytes.resize(100); }) ==
          "is 100 bytes long, expected at least the 1024 of a header");
    CHECK(complaint([](std::string& bytes) { bytes.pop_back(); }) ==
          "is 12415 bytes long, expected 12416 as its header says");
    CHECK(complaint([](std::string& bytes) { bytes += '\0'; }) ==
          "is 12417 bytes long, expected 12416 as its header says");
    CHECK(complaint([](std::string& bytes) { put(bytes, 4, std::int32_t{5}); }) ==
          "is 12416 bytes long, expected 6720 as its header says");
}

TEST_CASE("any padding of the vocabulary is accepted, and its rows are not read") {
    const std::size_t row = exchange_size.embed * sizeof(float);
    CHECK(complaint([&](std::string& bytes) {
              put(bytes, 7 * 4, std::int32_t{41});
              bytes.erase(1024 + 41 * row, (128 - 41) * row);
              put(bytes, 1024 + 40 * row, std::numeric_limits<float>::quiet_NaN());
          }) == "no error");
}

TEST_CASE("NaN and infinities in a checkpoint are refused unless they are asked for") {
    const auto spoil = [](std::string& bytes) { put(bytes, 1024 + 12, std::numeric_limits<float>::infinity()); };
    CHECK(complaint(spoil) == R"(tensor "wte.weight" has an infinity at element 3, expected finite numbers)");
    CHECK(complaint(spoil, {.non_finite = NonFinite::allow}) == "no error");
    const auto spoil_last = [](std::string& bytes) {
        bytes[bytes.size() - 1] = '\x7f';
        bytes[bytes.size() - 2] = '\xff';
    };
    CHECK(complaint(spoil_last, {}, "llm_c_bf16.bin") ==
          R"(tensor "ln_f.bias" has NaN at element 7, expected finite numbers)");
}

TEST_CASE("what llm.c cannot express is not written") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    CHECK(error_text([&] { save_llm_c(model, folder / "x", {.store_as = ScalarType::f16}); }) ==
          "save_llm_c: cannot store as F16, expected F32 or BF16");
    norm_sites(model)[3].state->values_fixed = true;
    CHECK(error_text([&] { save_llm_c(model, folder / "x"); }) ==
          "save_llm_c: norm h.1.ln_2 divides by a constant, while llm.c measures; use save_scaled_gpt2 or fold");
    CHECK(folder.entries() == 0);
}
