// SPDX-License-Identifier: MIT
#include <lamina/io/scaled_gpt2.hpp>

#include <lamina/io/huggingface.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removal.hpp>

#include "io/exchange_model.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(ScalableGpt2<ExchangeModel>);
static_assert(ScalableGpt2<Gpt2<exchange_size, norm::FixedStd, head::Untied>>);
static_assert(!ScalableGpt2<Gpt2<exchange_size, norm::Removable, head::UntiedWithBias>>,
              "transformers has no such bias");
static_assert(!ScalableGpt2<Gpt2<exchange_size>>, "its norms never divide by a constant");
static_assert(!ScalableGpt2<int>);

void fix_norms(ExchangeModel& model, double divisor) {
    for (const NormSite& site : norm_sites(model)) {
        site.state->fixed = site.state->values_fixed = true;
        site.state->start_at(divisor, divisor);
    }
}

std::vector<float> values(const std::filesystem::path& folder, const std::string& name) {
    const SafetensorsFile file(folder / "model.safetensors");
    std::vector<float> result(file.tensor(name).size());
    file.read_into(name, std::span(result));
    return result;
}

}  // namespace

TEST_CASE("a folder that transformers wrote with scaled norms gives its logits, and is written back byte for byte") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    model.initialise(9, Which::adapters);  // B = 0
    load_scaled_gpt2(model, interop_golden("scaled"));
    CHECK(error_of_logits(model, "scaled") < 1e-4);
    save_scaled_gpt2(model, folder.path());
    CHECK(contents(folder / "model.safetensors") == contents(interop_golden("scaled") / "model.safetensors"));
    CHECK_NOTHROW(load_scaled_gpt2(model, folder.path()));
    CHECK(folder.entries() == 2);
}

TEST_CASE("gains are written times a million over the divisor, adapters merged or left out") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model = exchange_base(backend);
    fix_norms(model, 2.5);
    auto& c_fc = model.layers().blocks[1].get<1>().inner.inner.c_fc;
    backend.run(Fill(c_fc.adapter.b.values, 0.25));  // A is the identity
    save_scaled_gpt2(model, folder / "merged");
    save_scaled_gpt2(model, folder / "base", {.adapter = AdapterIn::nothing});

    const std::string gain = "transformer.h.1.ln_2.weight";
    CHECK(values(folder / "merged", gain)[5] == Approx(values(interop_golden("base"), gain)[5] * 1e6 / 2.5));
    const std::string matrix = "transformer.h.1.mlp.c_fc.weight";
    const std::vector<float> before = values(interop_golden("base"), matrix);
    CHECK(values(folder / "base", matrix) == before);
    CHECK(values(folder / "merged", matrix)[100] == Approx(before[100] + 0.25));
    const std::string bias = "transformer.ln_f.bias";
    CHECK(values(folder / "merged", bias) == values(interop_golden("base"), bias));
}

TEST_CASE("only fixed norms can be scaled, and not into 16 bits of small range") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    fix_norms(model, 2);
    CHECK(error_text([&] { save_scaled_gpt2(model, folder / "x", {.store_as = ScalarType::f16}); }) ==
          "save_scaled_gpt2: F16 does not hold norms scaled by 1e6, expected F64, F32 or BF16");
    CHECK(error_text([&] { save_scaled_gpt2(model, folder / "x", {.store_as = ScalarType::i32}); }) ==
          "save_scaled_gpt2: cannot store as I32, expected F64, F32, F16 or BF16");
    norm_sites(model)[4].state->fixed = false;
    CHECK(error_text([&] { save_scaled_gpt2(model, folder / "x"); }) ==
          "save_scaled_gpt2: norm ln_f still measures its divisor; fix it first");
    CHECK(folder.entries() == 0);
}

TEST_CASE("what stops a writer never leaves tensors under the configuration of others") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    fix_norms(model, 2);
    write(folder / "model.safetensors.index.json", "{}");  // of an earlier model in parts
    save_scaled_gpt2(model, folder.path());
    const auto tensors = folder / "model.safetensors";
    const auto config = folder / "config.json";
    const std::string before = contents(tensors) + contents(config);
    const auto write_again = [&](auto what_happens) {
        std::vector<TensorToWrite> list;
        list.push_back({.name = "x", .shape = {1}, .write_data = [&](TensorSink& sink) {
                            what_happens();
                            sink.write(std::span<const float>(std::vector<float>(1)));
                        }});
        return error_text(
            [&] {
                io::detail::write_described({.tensors = tensors, .config = config}, std::move(list), Json::object());
            },
            config);
    };
    CHECK(write_again([] { throw FileError("disk", "is full"); }) == "disk: is full");
    CHECK(contents(tensors) + contents(config) == before);
    CHECK(folder.entries() == 2);
    // Nothing can take the place of a folder that is not empty.
    CHECK_THAT(write_again([&] {
                   std::filesystem::remove(config);
                   std::filesystem::create_directories(config / "in");
               }),
               Catch::Matchers::StartsWith("cannot be replaced"));
    std::filesystem::remove_all(config);
    CHECK(error_text([&] { load_gpt2(model, folder.path()); }, folder.path()) ==
          "has neither model.safetensors nor model.safetensors.index.json");
}

TEST_CASE("a stock folder is no scaled one, and the other way round") {
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    const auto base = interop_golden("base");
    CHECK(error_text([&] { load_scaled_gpt2(model, base); }, base / "config.json") ==
          R"(field "layer_norm_epsilon" is 1e-05, expected 1000000000000.0)");
    CHECK_FALSE(norm_sites(model)[0].state->fixed);
    const ScratchFolder folder;
    Json plain = read_json(base / "config.json");
    plain.erase("layer_norm_epsilon");
    write_json(folder / "config.json", plain);
    std::filesystem::copy(base / "model.safetensors", folder / "model.safetensors");
    CHECK(error_text([&] { load_scaled_gpt2(model, folder.path()); }, folder / "config.json") ==
          R"(field "layer_norm_epsilon" is missing, which means 1e-05, expected 1000000000000.0)");
    CHECK_NOTHROW(load_gpt2(model, folder.path()));
    std::filesystem::remove(folder / "config.json");
    std::filesystem::remove(folder / "model.safetensors");
    std::filesystem::copy(interop_golden("scaled") / "model.safetensors", folder / "model.safetensors");
    CHECK_THROWS_AS(load_scaled_gpt2(model, folder.path()), FileError);
}
