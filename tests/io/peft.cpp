// SPDX-License-Identifier: MIT
#include <lamina/io/peft.hpp>

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "io/exchange_model.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <filesystem>
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

using LowRank = Gpt2<exchange_size, adapter::Lora<4, 8>, trainable::Nothing>;

static_assert(PeftCompatible<ExchangeModel>);
static_assert(PeftCompatible<LowRank>);
static_assert(!PeftCompatible<Gpt2<exchange_size>>, "there is nothing to save");
static_assert(!PeftCompatible<int>);

const std::string first = "base_model.model.transformer.h.0.attn.c_attn.";

struct Floats {
    std::vector<std::size_t> shape;
    std::vector<float> values;
};
using Tensors = std::map<std::string, Floats>;

Tensors tensors_of(const std::filesystem::path& path) {
    Tensors tensors;
    const SafetensorsFile file(path);
    for (const StoredTensor& tensor : file.tensors()) {
        Floats& copy = tensors[tensor.name];
        copy.shape.assign(tensor.shape.begin(), tensor.shape.end());
        copy.values.resize(tensor.size());
        file.read_into(tensor.name, std::span(copy.values));
    }
    return tensors;
}

/// What loading says of an adapter that PEFT wrote, after an edit.
template <class Edit>
std::string complaint(const std::string& golden, Edit edit, NonFinite non_finite = NonFinite::refuse) {
    const ScratchFolder folder;
    Tensors tensors = tensors_of(interop_golden(golden) / "adapter_model.safetensors");
    Json config = read_json(interop_golden(golden) / "adapter_config.json");
    edit(tensors, config);
    std::vector<TensorToWrite> list;
    for (const auto& [name, tensor] : tensors) {
        list.push_back(tensor_to_write(name, tensor.shape, std::span<const float>(tensor.values)));
    }
    write_safetensors(folder / "adapter_model.safetensors", std::move(list));
    write_json(folder / "adapter_config.json", config);
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    return error_text([&] { load_peft_adapter(model, folder.path(), non_finite); },
                      folder / "adapter_model.safetensors");
}

}  // namespace

TEST_CASE("adapters of any rank that PEFT wrote load at full rank and give PEFT's logits") {
    CpuBackend backend({.threads = 1});
    ExchangeModel model = exchange_base(backend);
    CHECK(error_of_logits(model, "base") < 1e-4);
    // One after another: what a layer had before must not stay.
    for (const std::string name : {"peft_rank_4", "peft_patterns", "peft_default"}) {
        CAPTURE(name);
        CHECK(error_of_logits(model, name) > 1e-2);
        load_peft_adapter(model, interop_golden(name));
        CHECK(error_of_logits(model, name) < 1e-4);
    }
}

TEST_CASE("an adapter of the type's rank and factor is written back as PEFT wrote it") {
    const ScratchFolder folder;
    const auto golden = interop_golden("peft_rank_4");
    CpuBackend backend({.threads = 1});
    LowRank model(backend);
    load_peft_adapter(model, golden);
    save_peft_adapter(model, folder.path(), {.base_model = "base"});
    CHECK(contents(folder / "adapter_model.safetensors") == contents(golden / "adapter_model.safetensors"));
    const Json theirs = read_json(golden / "adapter_config.json");
    const Json ours = read_json(folder / "adapter_config.json");
    for (const auto& [field, value] : ours.items()) {
        CAPTURE(field);
        CHECK(theirs.contains(field));
        CHECK(theirs.value(field, Json()) == value);
    }
    CHECK(error_text([&] { load_peft_adapter(model, interop_golden("peft_default")); },
                     interop_golden("peft_default") / "adapter_config.json") ==
          R"(field "r" is 8, expected 4, the rank of h.0.attn.c_attn in the model's type)");
}

TEST_CASE("a model with adapters in some layers has those of PEFT's that its targets name") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    Gpt2<exchange_size, adapter::Lora<8>, targets::c_attn, trainable::Nothing> model(backend);
    load_peft_adapter(model, interop_golden("peft_default"));
    save_peft_adapter(model, folder.path());
    CHECK(read_json(folder / "adapter_config.json")["target_modules"] == Json{"attn.c_attn"});
    CHECK(contents(folder / "adapter_model.safetensors") ==
          contents(interop_golden("peft_default") / "adapter_model.safetensors"));

    Gpt2<exchange_size, adapter::Lora<8>, targets::Only<Target::c_attn, Target::mlp_c_proj>, trainable::Nothing> two(
        backend);
    save_peft_adapter(two, folder / "two");
    CHECK(read_json(folder / "two" / "adapter_config.json")["target_modules"] == Json{"attn.c_attn", "mlp.c_proj"});
    CHECK_THAT(error_text([&] { load_peft_adapter(model, folder / "two"); }, folder / "two/adapter_model.safetensors"),
               Catch::Matchers::EndsWith("mlp.c_proj.lora_A.weight\" is none of the model's adapters"));
    Json config = read_json(folder / "adapter_config.json");
    config["target_modules"] = {"c_attn", "c_fc"};
    write_json(folder / "adapter_config.json", config);
    CHECK(error_text([&] { load_peft_adapter(model, folder.path()); }, folder / "adapter_config.json") ==
          R"(field "target_modules" chooses h.0.mlp.c_fc, which has no adapter in the model's type)");
}

TEST_CASE("a full-rank adapter comes back from PEFT's form bit by bit") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    ExchangeModel model = exchange_base(backend);
    load_peft_adapter(model, interop_golden("peft_patterns"));
    save_peft_adapter(model, folder / "first");
    const Tensors tensors = tensors_of(folder / "first" / "adapter_model.safetensors");
    CHECK(tensors.size() == 16);
    CHECK(tensors.at("base_model.model.transformer.h.1.mlp.c_proj.lora_A.weight").shape ==
          std::vector<std::size_t>{32, 32});
    CHECK(tensors.at(first + "lora_B.weight").shape == std::vector<std::size_t>{24, 8});
    ExchangeModel other = exchange_base(backend);
    load_peft_adapter(other, folder / "first");
    CHECK(error_of_logits(other, "peft_patterns") < 1e-4);
    save_peft_adapter(other, folder / "second");
    CHECK(contents(folder / "first" / "adapter_model.safetensors") ==
          contents(folder / "second" / "adapter_model.safetensors"));
}

TEST_CASE("an adapter of another base is refused by the first tensor that differs") {
    CHECK(complaint("peft_default", [](Tensors& tensors, Json&) {
              tensors.at(first + "lora_A.weight") = {{8, 4}, std::vector<float>(32)};
          }) == "tensor \"" + first + "lora_A.weight\" has shape [8, 4], expected [8, 8]");
    CHECK(
        complaint("peft_default", [](Tensors& tensors, Json&) {
            tensors["base_model.model.transformer.h.2.attn.c_attn.lora_A.weight"] = {{8, 8}, std::vector<float>(64)};
        }) == R"(tensor "base_model.model.transformer.h.2.attn.c_attn.lora_A.weight" is none of the model's adapters)");
    CHECK(complaint("peft_default", [](Tensors&, Json& config) { config["r"] = 5; }) ==
          "tensor \"" + first + "lora_A.weight\" has shape [8, 8], expected [5, 8]");
}

TEST_CASE("an adapter of which something is missing is refused") {
    CHECK(complaint("peft_default", [](Tensors& tensors, Json&) { tensors.erase(first + "lora_B.weight"); }) ==
          "has no tensor \"" + first + "lora_B.weight\"");
    const auto drop_layer = [](Tensors& tensors, Json&) {
        tensors.erase(first + "lora_A.weight");
        tensors.erase(first + "lora_B.weight");
    };
    CHECK(complaint("peft_default", drop_layer) == "has no tensor \"" + first + "lora_A.weight\"");
    CHECK(complaint("peft_default", [&](Tensors& tensors, Json& config) {
              drop_layer(tensors, config);
              config["layers_to_transform"] = 1;
          }) == "no error");
    CHECK(complaint("peft_default", [](Tensors& tensors, Json& config) {
              tensors.clear();
              config["target_modules"] = "nothing";
          }) == "has no adapter for any layer of the model");
}

TEST_CASE("an adapter for a layer that the configuration does not choose is refused, as PEFT would ignore it") {
    CHECK(complaint("peft_patterns", [](Tensors&, Json& config) { config["target_modules"] = {"c_attn"}; }) ==
          R"(tensor "base_model.model.transformer.h.0.attn.c_proj.lora_A.weight" )"
          "is for a layer that adapter_config.json does not choose");
    CHECK(complaint("peft_default", [](Tensors&, Json& config) { config["layers_to_transform"] = 1; }) ==
          "tensor \"" + first + "lora_A.weight\" is for a layer that adapter_config.json does not choose");
    CHECK(complaint("peft_patterns", [](Tensors&, Json& config) { config["target_modules"] = ".*c_attn"; }) ==
          "no error");
}

TEST_CASE("NaN in an adapter is refused, and so is what overflows on the way") {
    const auto spoil = [](Tensors& tensors, Json&) {
        tensors.at(first + "lora_B.weight").values[2] = std::numeric_limits<float>::quiet_NaN();
    };
    CHECK(complaint("peft_default", spoil) ==
          "tensor \"" + first + "lora_B.weight\" has NaN at element 2, expected finite numbers");
    CHECK(complaint("peft_default", spoil, NonFinite::allow) == "no error");
    CHECK_THAT(complaint("peft_default", [](Tensors&, Json& config) { config["lora_alpha"] = 1e300; }),
               Catch::Matchers::Contains("has an infinity at element 0"));
}

TEST_CASE("an adapter's own name in the names of its tensors is passed over, and so are wrappers") {
    const auto rename = [](Tensors& tensors, auto name) {
        Tensors renamed;
        for (auto& [old, tensor] : tensors) renamed[name(old)] = std::move(tensor);
        tensors = std::move(renamed);
    };
    const auto named = [](const std::string& adapter) {
        return [adapter](std::string name) { return name.insert(name.rfind(".weight"), "." + adapter); };
    };
    CHECK(complaint("peft_default", [&](Tensors& tensors, Json&) { rename(tensors, named("default")); }) == "no error");
    CHECK(complaint("peft_default", [&](Tensors& tensors, Json&) { rename(tensors, named("my.own")); }) == "no error");
    CHECK(complaint("peft_default", [&](Tensors& tensors, Json&) {
              rename(tensors, [](const std::string& name) { return "_orig_mod." + name; });
          }) == "no error");
    CHECK(complaint("peft_default", [&](Tensors& tensors, Json&) {
              tensors[named("other")(first + "lora_A.weight")] = tensors.at(first + "lora_A.weight");
          }).ends_with(" is not named as \"" + first + "lora_A.other.weight\" is, expected one adapter of one model"));
    CHECK(complaint("peft_default", [](Tensors&, Json& config) {
              config["rank_pattern"] = {{R"(h\.0\..*)", 5}};
          }) == "tensor \"" + first + "lora_A.weight\" has shape [8, 8], expected [5, 8]");
}

TEST_CASE("what an adapter replaces in its base is refused by name") {
    const auto with = [](const std::string& name) {
        return complaint("peft_default", [&](Tensors& tensors, Json&) {
            tensors["base_model.model." + name] = {{41, 8}, std::vector<float>(41 * 8)};
        });
    };
    const std::string merge = "; merge it into its base and load that: python3 -c ";
    CHECK_THAT(
        with("transformer.wte.weight"),
        Catch::Matchers::StartsWith(R"(tensor "base_model.model.transformer.wte.weight" of shape [41, 8] replaces )"
                                    "one of the base, as where a vocabulary was resized, expected factors only" +
                                    merge));
    CHECK_THAT(with("lm_head.modules_to_save.weight"), Catch::Matchers::Contains("replaces one of the base"));
    CHECK_THAT(with("score.modules_to_save.default.weight"),
               Catch::Matchers::Contains("is of a module that was trained as a whole, expected factors only" + merge));
    CHECK_THAT(with("transformer.wte.lora_embedding_A"), Catch::Matchers::Contains("adapts an embedding"));
    CHECK_THAT(with("transformer.h.0.attn.c_attn.lora_magnitude_vector"),
               Catch::Matchers::Contains("is DoRA's" + merge));
}

TEST_CASE("an adapter in another format is named, with the line that converts it") {
    const ScratchFolder folder;
    write(folder / "adapter_config.json", "{}");
    CpuBackend backend({.threads = 1});
    ExchangeModel model(backend);
    const auto error = [&] { return error_text([&] { load_peft_adapter(model, folder.path()); }, folder.path()); };
    CHECK(error() == "has no adapter_model.safetensors");
    write(folder / "adapter_model.bin", "\x80\x02}q");
    const std::string line = io::detail::torch_conversion_line(folder / "adapter_model.bin");
    CHECK_THAT(line, Catch::Matchers::EndsWith("/adapter_model.safetensors"));
    CHECK(error() ==
          "has no adapter_model.safetensors; adapter_model.bin is a pickle, which can run any program and is not "
          "read; convert it: " +
              line);
    write(folder / "adapter_model.bin", "");
    CHECK(
        error() ==
        "has no adapter_model.safetensors; adapter_model.bin is empty; download or write it again, then convert it: " +
            line);
    CHECK(error_text([&] { load_peft_adapter(model, folder / "none"); }, folder / "none") ==
          "is missing, expected a folder with adapter_config.json and adapter_model.safetensors; give a path that "
          "exists");
}
