// SPDX-License-Identifier: MIT
#include <lamina/io/huggingface.hpp>

#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/fold.hpp>

#include "io/safetensors_sample.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr Architecture micro{.layers = 1, .heads = 1, .embed = 8, .context = 8, .vocab = 33};
constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 16, .context = 12, .vocab = 61};
constexpr Architecture mid{.layers = 3, .heads = 4, .embed = 24, .context = 24, .vocab = 97};

using Micro = Gpt2<micro>;
using Tiny = Gpt2<tiny>;
using Mid = Gpt2<mid>;

static_assert(io::detail::is_mask_buffer("h.0.attn.bias"));
static_assert(io::detail::is_mask_buffer("h.11.attn.masked_bias"));
static_assert(!io::detail::is_mask_buffer("h.0.attn.c_attn.bias"));
static_assert(!io::detail::is_mask_buffer("h..attn.bias"));
static_assert(!io::detail::is_mask_buffer("h.0"));
static_assert(!io::detail::is_mask_buffer("attn.bias"));
static_assert(!io::detail::is_mask_buffer("h.0.attn.bias.more"));

// What a file of each true size must hold, without the memory for it (docs/gpt2.md, "Sizes").
template <Architecture A>
constexpr std::size_t tensors_of = Manifest<Gpt2<A>>::entries.size();
static_assert(tensors_of<gpt2_small> == 148 && Manifest<Gpt2<gpt2_small>>::parameters == 124'439'808);
static_assert(tensors_of<gpt2_medium> == 292 && Manifest<Gpt2<gpt2_medium>>::parameters == 354'823'168);
static_assert(tensors_of<gpt2_large> == 436 && Manifest<Gpt2<gpt2_large>>::parameters == 774'030'080);
static_assert(tensors_of<gpt2_xl> == 580 && Manifest<Gpt2<gpt2_xl>>::parameters == 1'557'611'200);

std::filesystem::path golden(const std::string& folder) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / folder;
}

/// The largest difference from the logits that transformers computed.
template <class M>
double logit_error(M& model, const std::filesystem::path& folder) {
    const SafetensorsFile expected(folder / "expected.safetensors");
    const auto& shape = expected.tensor("ids").shape;
    const Extent extent{.batch = shape.at(0), .sequence = shape.at(1)};
    std::vector<std::int32_t> stored(extent.tokens());
    expected.read_into("ids", std::span(stored));
    const std::vector<Token> ids(stored.begin(), stored.end());
    std::vector<double> wanted(extent.tokens() * M::architecture.vocab);
    expected.read_into("logits", std::span(wanted));
    std::vector<typename M::Compute> found(wanted.size());
    model.logits(ids, extent, extent.sequence, found);
    double largest = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const double difference = std::abs(static_cast<double>(found[i]) - wanted[i]);
        largest = std::isfinite(difference) ? std::max(largest, difference) : std::numeric_limits<double>::infinity();
    }
    return largest;
}

template <class M>
double logit_error_of_loaded(const std::string& folder) {
    CpuBackend backend({.threads = 1});
    M model(backend);
    load_gpt2(model, golden(folder));
    return logit_error(model, golden(folder));
}

struct EditableTensor {
    ScalarType type{};
    std::vector<std::size_t> shape{};
    std::string bytes{};
};
using EditableFile = std::map<std::string, EditableTensor>;

EditableFile editable(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    EditableFile result;
    for (const StoredTensor& tensor : file.tensors()) {
        const auto bytes = file.bytes(tensor);
        std::string copy(bytes.size(), '\0');
        std::memcpy(copy.data(), bytes.data(), bytes.size());
        result[tensor.name] = {tensor.type, {tensor.shape.begin(), tensor.shape.end()}, copy};
    }
    return result;
}

void write_edited(const std::filesystem::path& path, const EditableFile& tensors) {
    std::vector<TensorToWrite> list;
    for (const auto& [name, tensor] : tensors) {
        list.push_back(
            {.name = name,
             .type = tensor.type,
             .shape = tensor.shape,
             .write_data = [&tensor = tensor](TensorSink& sink) { sink.write_bytes(as_bytes(tensor.bytes)); }});
    }
    write_safetensors(path, std::move(list));
}

template <class T>
void set_element(EditableTensor& tensor, std::size_t index, T value) {
    std::memcpy(tensor.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

/// What loading says of a golden folder whose tensors were edited, without the path of the file.
template <class M = Tiny>
std::string complaint(const std::function<void(EditableFile&)>& edit, const std::string& from = "gpt2_tiny",
                      LoadOptions options = {}) {
    const ScratchFolder folder;
    EditableFile tensors = editable(golden(from) / "model.safetensors");
    edit(tensors);
    write_edited(folder / "model.safetensors", tensors);
    CpuBackend backend({.threads = 1});
    M model(backend);
    return error_text([&] { load_gpt2(model, folder.path(), options); }, folder / "model.safetensors");
}

/// Loads a folder, saves it elsewhere and says which tensors differ from the first file, buffers and spare heads aside.
template <class M>
std::vector<std::string> changed_by_a_round_trip(const std::string& folder, SaveOptions options = {}) {
    CpuBackend backend({.threads = 1});
    M model(backend);
    load_gpt2(model, golden(folder));
    const ScratchFolder out;
    save_gpt2<M::Policies::Adapter::present ? Adapters::leave_out : Adapters::none>(model, out / "model", options);
    M again(backend);
    load_gpt2(again, out / "model");

    const EditableFile before = editable(golden(folder) / "model.safetensors");
    const EditableFile after = editable(out / "model" / "model.safetensors");
    std::vector<std::string> changed;
    std::size_t compared = 0;
    for (const auto& [name, tensor] : before) {
        const std::string bare(io::detail::split_name(name).bare);
        if (io::detail::is_mask_buffer(bare) || bare == "lm_head.weight") continue;
        const auto found = after.find((options.prefix == NamePrefix::transformer ? "transformer." : "") + bare);
        const bool same = found != after.end() && found->second.type == tensor.type &&
                          found->second.shape == tensor.shape && found->second.bytes == tensor.bytes;
        if (!same) changed.push_back(name);
        ++compared;
    }
    if (compared != after.size()) changed.push_back("the number of tensors");
    return changed;
}

}  // namespace

// Logits of a few units, each from sums of at most some hundred rounded products: 1e-4 is the bar, 1e-5 is met.
TEST_CASE("folders that transformers wrote load and give its logits") {
    CHECK(logit_error_of_loaded<Tiny>("gpt2_tiny") < 1e-4);
    CHECK(logit_error_of_loaded<Mid>("gpt2_mid") < 1e-4);
    CHECK(logit_error_of_loaded<Micro>("gpt2_micro") < 1e-4);
    CHECK(logit_error_of_loaded<Micro>("gpt2_micro_f16") < 1e-4);
    CHECK(logit_error_of_loaded<Micro>("gpt2_micro_bf16") < 1e-4);
    CHECK(logit_error_of_loaded<Gpt2<micro, precision::FrozenBf16, adapter::FullRank>>("gpt2_micro_bf16") < 1e-4);
    CHECK(logit_error_of_loaded<Gpt2<mid, precision::Fp64>>("gpt2_mid") < 1e-4);
}

TEST_CASE("loading leaves adapters as they were") {
    CpuBackend backend({.threads = 1});
    Gpt2<mid, norm::Removable, adapter::FullRank> model(backend);
    model.initialise(5);
    load_gpt2(model, golden("gpt2_mid"));
    CHECK(logit_error(model, golden("gpt2_mid")) < 1e-4);
    const auto& factor = model.layers().blocks[2].get<0>().inner.inner.c_attn.adapter.a;
    CHECK(backend.run(SumOfSquares(factor.values)) == 24);
}

TEST_CASE("what was loaded is saved with the same bytes in every type") {
    const std::vector<std::string> none;
    CHECK(changed_by_a_round_trip<Tiny>("gpt2_tiny") == none);
    CHECK(changed_by_a_round_trip<Mid>("gpt2_mid", {.prefix = NamePrefix::none}) == none);
    CHECK(changed_by_a_round_trip<Mid>("gpt2_mid") == none);
    CHECK(changed_by_a_round_trip<Gpt2<micro, precision::FrozenBf16, adapter::FullRank>>("gpt2_micro_bf16") == none);
    CHECK(changed_by_a_round_trip<Micro>("gpt2_micro_bf16", {.store_as = ScalarType::bf16}) == none);
    CHECK(changed_by_a_round_trip<Micro>("gpt2_micro_f16", {.store_as = ScalarType::f16}) == none);
    CHECK(changed_by_a_round_trip<Gpt2<micro, precision::Fp64>>("gpt2_micro", {.store_as = ScalarType::f32}) == none);
    CHECK_FALSE(changed_by_a_round_trip<Micro>("gpt2_micro_bf16") == none);
}

TEST_CASE("a model with adapters is saved with these merged, or without them") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, adapter::Lora<2>> model(backend);
    model.initialise(1, Which::adapters);
    load_gpt2(model, golden("gpt2_tiny"));
    // B starts as zeros, which would merge into nothing.
    const auto factor = model.layers().blocks[1].get<1>().inner.inner.c_fc.adapter.b.values;
    for (double sign = 1; auto& value : std::span(factor.data, factor.size())) {
        value = static_cast<float>(0.05 * sign);
        sign = -sign;
    }
    model.parameters_changed();
    const std::vector<Token> ids{1, 5, 2, 8};
    const auto logits_of = [&](auto& any) {
        std::vector<float> logits(ids.size() * tiny.vocab);
        any.logits(ids, {1, ids.size()}, ids.size(), logits);
        return logits;
    };
    const std::vector<float> adapted = logits_of(model);

    const ScratchFolder folder;
    save_gpt2<Adapters::merge>(model, folder / "merged");
    save_gpt2<Adapters::leave_out>(model, folder / "base");
    Tiny merged(backend);
    load_gpt2(merged, folder / "merged");
    Tiny base(backend);
    load_gpt2(base, folder / "base");
    double largest = 0;
    double largest_of_base = 0;
    const std::vector<float> of_merged = logits_of(merged);
    const std::vector<float> of_base = logits_of(base);
    for (std::size_t i = 0; i < adapted.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(adapted[i]) - static_cast<double>(of_merged[i])));
        largest_of_base =
            std::max(largest_of_base, std::abs(static_cast<double>(adapted[i]) - static_cast<double>(of_base[i])));
    }
    CHECK(largest < 1e-4);
    CHECK(largest_of_base > 1e-3);
    CHECK(logit_error(base, golden("gpt2_tiny")) < 1e-4);
}

TEST_CASE("a sharded folder loads like a single file") {
    const ScratchFolder folder;
    EditableFile first = editable(golden("gpt2_tiny") / "model.safetensors");
    EditableFile second;
    Json weight_map = Json::object();
    for (const auto& [name, tensor] : first)
        weight_map[name] = name.find(".h.1.") != name.npos ? "b.safetensors" : "a.safetensors";
    for (const auto& [name, file] : weight_map.items()) {
        if (file == "b.safetensors") second.insert(first.extract(name));
    }
    REQUIRE(second.size() == 12);
    write_edited(folder / "a.safetensors", first);
    write_edited(folder / "b.safetensors", second);
    write_json(folder / "model.safetensors.index.json", Json{{"metadata", Json::object()}, {"weight_map", weight_map}});
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    load_gpt2(model, folder.path());
    CHECK(logit_error(model, golden("gpt2_tiny")) < 1e-4);

    second.at("transformer.h.1.ln_2.bias").shape = {4, 4};
    write_edited(folder / "b.safetensors", second);
    CHECK(error_text([&] { load_gpt2(model, folder.path()); }, folder / "b.safetensors") ==
          R"(tensor "transformer.h.1.ln_2.bias" has shape [4, 4], expected [16])");
}

TEST_CASE("a folder of another size is refused by its config, or else by a tensor") {
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    const auto mid_config = golden("gpt2_mid") / "config.json";
    CHECK(error_text([&] { load_gpt2(model, golden("gpt2_mid")); }, mid_config) ==
          R"(field "n_layer" is 3, expected 2)");
    CHECK(complaint([](EditableFile&) {}, "gpt2_mid") == R"(tensor "h.2.attn.c_attn.bias" is none of the model's)");
    CHECK(complaint<Mid>([](EditableFile&) {}, "gpt2_tiny") ==
          R"(tensor "transformer.wte.weight" has shape [61, 16], expected [97, 24])");
}

TEST_CASE("tensors that are missing, too many, misshapen or mistyped are named") {
    CHECK(complaint([](EditableFile& file) { file.erase("transformer.h.1.mlp.c_fc.weight"); }) ==
          R"(has no tensor "transformer.h.1.mlp.c_fc.weight")");
    CHECK(complaint<Mid>([](EditableFile& file) { file.erase("ln_f.bias"); }, "gpt2_mid") ==
          R"(has no tensor "ln_f.bias")");
    CHECK(complaint([](EditableFile& file) { file["transformer.h.0.extra"] = file["transformer.ln_f.bias"]; }) ==
          R"(tensor "transformer.h.0.extra" is none of the model's)");
    CHECK(complaint([](EditableFile& file) {
              file["lm_head.bias"] = {ScalarType::f32, {1}, std::string(4, '\0')};
          }) == R"(tensor "lm_head.bias" is none of the model's)");
    CHECK(complaint([](EditableFile& file) { file["wpe.weight"] = file["transformer.wpe.weight"]; }) ==
          R"(tensor "wpe.weight" and tensor "transformer.wpe.weight" are the same one, expected one of them)");
    CHECK(complaint([](EditableFile& file) {
              file["transformer.h.0.attn.c_attn.weight"].shape = {48, 16};
          }) == R"(tensor "transformer.h.0.attn.c_attn.weight" has shape [48, 16], expected [16, 48])");
    CHECK(complaint([](EditableFile& file) { file["transformer.ln_f.weight"].type = ScalarType::i32; }) ==
          R"(tensor "transformer.ln_f.weight" is of type I32, expected F64, F32, F16 or BF16)");
}

TEST_CASE("masks of any type are ignored, in both spellings of the names") {
    const auto add_masks = [](EditableFile& file) {
        file["transformer.h.0.attn.bias"] = {ScalarType::boolean, {1, 1, 2, 2}, std::string(4, '\1')};
        file["h.1.attn.bias"] = {ScalarType::u8, {2}, std::string(2, '\1')};
        file["transformer.h.1.attn.masked_bias"] = {ScalarType::f32, {}, std::string(4, '\0')};
    };
    CHECK(complaint(add_masks) == "no error");
}

TEST_CASE("a spare head must be the embedding that it is a copy of") {
    CHECK(complaint<Micro>([](EditableFile&) {}, "gpt2_micro_f16") == "no error");
    CHECK(
        complaint<Micro>([](EditableFile& file) { set_element(file["lm_head.weight"], 7, fp16(2.0F)); },
                         "gpt2_micro_f16") ==
        R"(tensor "lm_head.weight" differs from "transformer.wte.weight", expected the same values, as the model's head is )"
        R"(tied; a head of its own needs "tie_word_embeddings": false in config.json and a model type with it)");
    CHECK(complaint<Gpt2<micro, head::Untied>>([](EditableFile& file) { file.erase("lm_head.weight"); },
                                               "gpt2_micro_f16") == R"(has no tensor "lm_head.weight")");
}

TEST_CASE("where the head is tied, the embedding may be there under the head's name alone") {
    CpuBackend backend({.threads = 1});
    const ScratchFolder folder;
    EditableFile tensors = editable(golden("gpt2_tiny") / "model.safetensors");
    tensors["lm_head.weight"] = tensors.at("transformer.wte.weight");
    tensors.erase("transformer.wte.weight");
    write_edited(folder / "model.safetensors", tensors);
    Tiny model(backend);
    load_gpt2(model, folder.path());
    CHECK(logit_error(model, golden("gpt2_tiny")) < 1e-4);
    Gpt2<tiny, head::Untied> untied(backend);
    CHECK(error_text([&] { load_gpt2(untied, folder.path()); }, folder / "model.safetensors") ==
          R"(has no tensor "transformer.wte.weight")");
}

TEST_CASE("what wrappers put before every name is passed over") {
    const auto wrapped = [](const std::string& before_body, const std::string& before_head) {
        return complaint([&](EditableFile& file) {
            EditableFile renamed;
            for (const auto& [name, tensor] : file) renamed[before_body + name.substr(12)] = tensor;
            renamed[before_head + "lm_head.weight"] = file.at("transformer.wte.weight");
            file = std::move(renamed);
        });
    };
    for (const std::string wrapper : {"_orig_mod.", "module.", "module._orig_mod.", "model.", "base_model.model."}) {
        CAPTURE(wrapper);
        CHECK(wrapped(wrapper + "transformer.", wrapper) == "no error");
        CHECK(wrapped(wrapper, wrapper) == "no error");
    }
    CHECK(wrapped("transformer._orig_mod.", "") == "no error");
    CHECK(wrapped("gpt2.", "gpt2.") == "no error");
    CHECK(
        wrapped("transformer.", "module.") ==
        R"(tensor "module.lm_head.weight" does not begin as "transformer.h.0.attn.c_attn.bias" does, expected the same )"
        "before every name");
    CHECK(wrapped("student.", "") ==
          R"(has no tensor "wpe.weight", but "student.wpe.weight"; take off what is before its name)");
    CHECK(complaint([](EditableFile& file) {
              file["module.transformer.ln_f.bias"] = file.at("transformer.ln_f.bias");
              file.erase("transformer.ln_f.bias");
          }) == R"(tensor "module.transformer.ln_f.bias" does not begin as "transformer.h.0.attn.c_attn.bias" does, )"
                "expected the same before every name");
}

TEST_CASE("tensors of other heads are ignored with a warning that names them, or refused") {
    const auto add_heads = [](EditableFile& file) {
        for (const char* const name : {"v_head.summary.weight", "score.weight", "multiple_choice_head.summary.bias"}) {
            file[name] = {ScalarType::f32, {1}, std::string(4, '\0')};
        }
    };
    std::vector<std::string> warnings;
    LoadOptions options{.warn = [&](const std::string& warning) { warnings.push_back(warning); }};
    CHECK(complaint(add_heads, "gpt2_tiny", options) == "no error");
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Catch::Matchers::EndsWith(
                                "model.safetensors: tensors of other heads are ignored: "
                                R"("multiple_choice_head.summary.bias", "score.weight", "v_head.summary.weight")"));
    CHECK(complaint(add_heads) == "no error");
    options.others = OtherTensors::refuse;
    CHECK(complaint(add_heads, "gpt2_tiny", options) ==
          R"(tensor "multiple_choice_head.summary.bias" is none of the model's)");
    CHECK(warnings.size() == 1);

    warnings.clear();
    options.others = OtherTensors::ignore;
    const auto add_many = [](EditableFile& file) {
        for (char digit = '0'; digit <= '9'; ++digit) {
            file[std::string("layers.") + digit] = {ScalarType::f32, {1}, std::string(4, '\0')};
        }
    };
    CHECK(complaint(add_many, "gpt2_tiny", options) == "no error");
    CHECK_THAT(warnings.at(0), Catch::Matchers::EndsWith(R"("layers.6", "layers.7" and 2 more)"));
    CHECK(complaint([](EditableFile&) {}, "gpt2_tiny", options) == "no error");
    CHECK(warnings.size() == 1);

    // These would change the logits.
    for (const char* const name : {"transformer.h.0.ln_cross_attn.weight", "h.0.attn.c_attn.lora_A", "lm_head.bias"}) {
        CAPTURE(name);
        CHECK(complaint([&](EditableFile& file) {
                  file[name] = {ScalarType::f32, {1}, std::string(4, '\0')};
              }) == "tensor \"" + std::string(name) + "\" is none of the model's");
    }
}

TEST_CASE("where config.json and the tensors differ, both files are named") {
    const ScratchFolder folder;
    std::filesystem::copy_file(golden("gpt2_tiny") / "config.json", folder / "config.json");
    EditableFile tensors = editable(golden("gpt2_tiny") / "model.safetensors");
    tensors.at("transformer.wpe.weight").shape = {6, 32};
    write_edited(folder / "model.safetensors", tensors);
    const auto error = [&] {
        CpuBackend backend({.threads = 1});
        Tiny model(backend);
        return error_text([&] { load_gpt2(model, folder.path()); }, folder / "model.safetensors");
    };
    const std::string by = ", by " + (folder / "config.json").string();
    CHECK(error() == R"(tensor "transformer.wpe.weight" has shape [6, 32], expected [12, 16])" + by);
    tensors.at("transformer.wpe.weight").shape = {12, 16};
    tensors["transformer.h.2.ln_1.bias"] = tensors.at("transformer.h.1.ln_1.bias");
    write_edited(folder / "model.safetensors", tensors);
    CHECK(error() == R"(tensor "transformer.h.2.ln_1.bias" is none of the model's)" + by);
    tensors.erase("transformer.h.2.ln_1.bias");
    tensors.erase("transformer.h.1.ln_1.bias");
    write_edited(folder / "model.safetensors", tensors);
    CHECK(error() == R"(has no tensor "transformer.h.1.ln_1.bias")" + by);
}

TEST_CASE("a config.json that is a link to nothing is not taken for none") {
    const ScratchFolder folder;
    std::filesystem::copy_file(golden("gpt2_tiny") / "model.safetensors", folder / "model.safetensors");
    std::filesystem::create_symlink("../../blobs/4d7a", folder / "config.json");
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    CHECK_THAT(error_text([&] { load_gpt2(model, folder.path()); }, folder / "config.json"),
               Catch::Matchers::StartsWith("is a symbolic link to "));
}

TEST_CASE("values that are no finite numbers are refused unless asked for") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto spoil = [](float value) {
        return [value](EditableFile& file) { set_element(file["transformer.h.1.mlp.c_proj.weight"], 5, value); };
    };
    CHECK(complaint(spoil(std::nanf(""))) ==
          R"(tensor "transformer.h.1.mlp.c_proj.weight" has NaN at element 5, expected finite numbers)");
    CHECK(complaint(spoil(-infinity)) ==
          R"(tensor "transformer.h.1.mlp.c_proj.weight" has an infinity at element 5, expected finite numbers)");
    CHECK(complaint(spoil(infinity), "gpt2_tiny", {.non_finite = NonFinite::allow}) == "no error");
}

TEST_CASE("nothing is written into a model whose file is wrong") {
    const ScratchFolder folder;
    EditableFile tensors = editable(golden("gpt2_tiny") / "model.safetensors");
    tensors.erase("transformer.ln_f.weight");
    write_edited(folder / "model.safetensors", tensors);
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    CHECK_THROWS_AS(load_gpt2(model, folder.path()), FileError);
    CHECK(backend.run(SumOfSquares(model.layers().token_table.values)) == 0);
}

TEST_CASE("a truncated file and an empty folder are refused") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    CHECK(error_text([&] { load_gpt2(model, folder.path()); }, folder.path()) ==
          "has neither model.safetensors nor model.safetensors.index.json");
    const std::string whole = contents(golden("gpt2_tiny") / "model.safetensors");
    const auto file = write(folder / "model.safetensors", whole.substr(0, whole.size() - 1));
    CHECK_THROWS_AS(load_gpt2(model, folder.path()), FileError);
    CHECK_THROWS_WITH(load_gpt2(model, folder.path()), Catch::Matchers::Contains(file.string()));
}

TEST_CASE("a folded model is saved with its own head and bias, and comes back as the same model") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::FixedStd> fixed(backend);
    load_gpt2(fixed, golden("gpt2_tiny"));
    auto folded = fold(std::move(fixed));
    const ScratchFolder folder;
    save_gpt2(folded, folder.path());

    const SafetensorsFile file(folder / "model.safetensors");
    CHECK(file.find("lm_head.weight") != nullptr);
    CHECK(file.find("lm_head.bias") != nullptr);
    CHECK(file.find("transformer.ln_f.weight") == nullptr);
    const Json config = read_json(folder / "config.json");
    CHECK(config["model_type"] == "lamina-gpt2");
    CHECK(config["lamina"]["norms"] == "absent");

    decltype(folded) again(backend);
    load_gpt2(again, folder.path());
    const std::vector<Token> ids{1, 2, 3, 4};
    std::vector<float> before(4 * tiny.vocab);
    std::vector<float> after(before.size());
    folded.logits(ids, {.batch = 1, .sequence = 4}, 4, before);
    again.logits(ids, {.batch = 1, .sequence = 4}, 4, after);
    CHECK(before == after);

    Tiny stock(backend);
    CHECK(error_text([&] { load_gpt2(stock, folder.path()); }, folder / "config.json") ==
          R"(field "tie_word_embeddings" is false, expected true)");
}

TEST_CASE("a model whose norms are partly fixed is not called a GPT-2") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable> model(backend);
    load_gpt2(model, golden("gpt2_tiny"));
    const ScratchFolder folder;
    save_gpt2(model, folder.path());
    CHECK(read_json(folder / "config.json")["model_type"] == "gpt2");

    model.layers().final_norm.state.fixed = true;
    save_gpt2(model, folder.path());
    CHECK(read_json(folder / "config.json")["model_type"] == "lamina-gpt2");
    CHECK_NOTHROW(load_gpt2(model, folder.path()));
    Tiny stock(backend);
    CHECK(error_text([&] { load_gpt2(stock, folder.path()); }, folder / "config.json") ==
          R"(field "lamina.norms" is "fixed", expected "measured")");
}

TEST_CASE("what cannot be saved is refused before anything is written") {
    CpuBackend backend({.threads = 1});
    Gpt2<micro, head::Untied> untied(backend);
    Micro tied(backend);
    const ScratchFolder folder;
    CHECK(error_text([&] { save_gpt2(untied, folder / "out", {.prefix = NamePrefix::none}); }) ==
          "save_gpt2: a model with a head of its own needs names with prefix; use NamePrefix::transformer");
    CHECK(error_text([&] { save_gpt2(tied, folder / "out", {.store_as = ScalarType::i8}); }) ==
          "save_gpt2: cannot store as I8, expected F64, F32, F16 or BF16");
    write(folder / "file", "");
    CHECK_THROWS_AS(save_gpt2(tied, folder / "file"), FileError);
    CHECK(folder.entries() == 1);
}
