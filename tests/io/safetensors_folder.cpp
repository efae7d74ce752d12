// SPDX-License-Identifier: MIT
#include <lamina/io/safetensors_folder.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <lamina/io/safetensors_writer.hpp>

#include <array>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<SafetensorsFolder> && std::is_move_constructible_v<SafetensorsFolder>);

void write_tensors(const std::filesystem::path& path, const std::vector<std::pair<std::string, float>>& tensors) {
    std::vector<TensorToWrite> entries;
    for (const auto& [name, value] : tensors) {
        entries.push_back(tensor_to_write<float>(name, {1}, std::span(&value, 1)));
    }
    write_safetensors(path, std::move(entries));
}

void write_index(const ScratchFolder& folder, std::string_view weight_map) {
    write(folder / "model.safetensors.index.json",
          R"({"metadata":{"total_size":12},"weight_map":)" + std::string(weight_map) + "}");
}

float value_of(const SafetensorsFolder& model, std::string_view name) {
    float value = 0;
    model.read_into<float>(name, {&value, 1});
    return value;
}

}  // namespace

TEST_CASE("a folder with one safetensors file shows its tensors") {
    const ScratchFolder folder;
    write_tensors(folder / "model.safetensors", {{"b", 2.0F}, {"a", 1.0F}});
    const SafetensorsFolder model(folder.path());
    CHECK(model.path() == folder.path());
    CHECK(model.names() == std::vector<std::string>{"a", "b"});
    CHECK(model.files().size() == 1);
    CHECK(value_of(model, "b") == 2.0F);
    CHECK(model.find("c") == nullptr);
    CHECK(error_text([&] { static_cast<void>(value_of(model, "c")); }, folder / "model.safetensors") ==
          "has no tensor \"c\"");
}

TEST_CASE("a folder with an index shows the tensors of all its files as one set") {
    const ScratchFolder folder;
    write_tensors(folder / "model-1.safetensors", {{"a", 1.0F}, {"not listed", 9.0F}});
    write_tensors(folder / "model-2.safetensors", {{"b", 2.0F}, {"c", 3.0F}});
    write_index(folder, R"({"c":"model-2.safetensors","a":"model-1.safetensors","b":"model-2.safetensors"})");
    const SafetensorsFolder built(folder.path());
    const SafetensorsFolder& model = built;
    CHECK(model.names() == std::vector<std::string>{"a", "b", "c"});
    CHECK(model.files().size() == 2);
    CHECK(value_of(model, "a") == 1.0F);
    CHECK(value_of(model, "b") == 2.0F);
    CHECK(value_of(model, "c") == 3.0F);
    CHECK(model.find("not listed") == nullptr);
    CHECK(model.find("c") == &model.tensor("c", std::array<std::size_t, 1>{1}));
    CHECK(model.bytes("c").size() == 4);
    REQUIRE(model.find_file("c") != nullptr);
    CHECK(model.find_file("c")->path() == folder / "model-2.safetensors");
    CHECK(error_text([&] { static_cast<void>(model.tensor("d")); }, folder.path()) == "has no tensor \"d\"");
    CHECK(error_text([&] { static_cast<void>(model.tensor("c", std::array<std::size_t, 1>{2})); },
                     folder / "model-2.safetensors") == "tensor \"c\" has shape [1], expected [2]");
}

TEST_CASE("a single safetensors file counts before an index") {
    const ScratchFolder folder;
    write_tensors(folder / "model.safetensors", {{"a", 1.0F}});
    write_index(folder, R"({"a":"missing.safetensors"})");
    CHECK(value_of(SafetensorsFolder(folder.path()), "a") == 1.0F);
}

TEST_CASE("a folder without a model, or with a wrong index, is refused") {
    const ScratchFolder folder;
    const auto index = folder / "model.safetensors.index.json";
    const auto error = [&](const std::filesystem::path& path) {
        return error_text([&] { SafetensorsFolder{folder.path()}; }, path);
    };
    CHECK(error(folder.path()) == "has neither model.safetensors nor model.safetensors.index.json");
    write(index, "{}");
    CHECK(error(index) == "field \"weight_map\" is missing");
    write_index(folder, R"({"a":1})");
    CHECK(error(index) == "field \"weight_map.a\" is 1, expected a string");
    for (const char* outside : {"../model.safetensors", "..", "/etc/passwd", ""}) {
        write_index(folder, "{\"a\":\"" + std::string(outside) + "\"}");
        CHECK(error(index) ==
              "weight_map maps \"a\" to \"" + std::string(outside) + "\", expected the name of a file beside it");
    }
    write_index(folder, R"({"a":"model-1.safetensors"})");
    CHECK(error(folder / "model-1.safetensors") == "cannot be opened: No such file or directory");
    write_tensors(folder / "model-1.safetensors", {{"b", 2.0F}});
    CHECK(error(folder / "model-1.safetensors") == "has no tensor \"a\"");
}
