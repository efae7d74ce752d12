// SPDX-License-Identifier: MIT
#include <lamina/io/safetensors_folder.hpp>

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <array>
#include <filesystem>
#include <span>
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
    CHECK(error(folder / "model-1.safetensors") ==
          "does not exist, but model.safetensors.index.json names it for 1 of 1 tensors; download it too");
    write_tensors(folder / "model-1.safetensors", {{"b", 2.0F}});
    CHECK(error(folder / "model-1.safetensors") == "has no tensor \"a\"");
}

TEST_CASE("a folder with weights in another format says which, and the line that converts them") {
    const ScratchFolder folder;
    const auto error = [&] { return error_text([&] { SafetensorsFolder{folder.path()}; }, folder.path()); };
    const auto line = [&](const std::string& options) {
        return "convert it: " + io::detail::transformers_conversion_line(folder.path(), options);
    };
    const std::string start = "has no model.safetensors; ";
    const std::string pickle = "PK\x03\x04 some bytes and archive/data.pkl";
    write(folder / "config.json", "{}");
    write(folder / "training_args.bin", pickle);
    CHECK(error() == "has neither model.safetensors nor model.safetensors.index.json");
    for (const std::string name : {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin"}) {
        write(folder / name, pickle);
        CHECK(error() ==
              start + name +
                  " is a pickle in a zip archive, as torch.save writes it, which can run any program and is not "
                  "read; " +
                  line(""));
    }
    write(folder / "pytorch_model-00001-of-00002.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n");
    CHECK(error() ==
          start +
              "pytorch_model-00001-of-00002.bin is a Git-LFS pointer in place of the file; run git lfs pull in its "
              "repository, or download it again, then " +
              line(""));
    write(folder / "pytorch_model-00001-of-00002.bin", "PK");
    CHECK(error() ==
          start +
              "pytorch_model-00001-of-00002.bin is by its name a pickle, which can run any program and is not read; " +
              line(""));
    for (const auto& [name, bytes, options] :
         {std::array<std::string, 3>{"tf_model.h5", "\x89HDF\r\n\x1a\n", ", from_tf=True"},
          {"flax_model.msgpack", "\x81\xabtransformer", ", from_flax=True"},
          {"gpt2-Q8_0.gguf", "GGUF\x03", ", gguf_file='gpt2-Q8_0.gguf'"}}) {
        const ScratchFolder other;
        write(other / "config.json", "{}");
        write(other / name, bytes);
        CAPTURE(name);
        CHECK_THAT(
            error_text([&] { SafetensorsFolder{other.path()}; }, other.path()),
            Catch::Matchers::StartsWith(start + name + " is a") &&
                Catch::Matchers::EndsWith(": " + io::detail::transformers_conversion_line(other.path(), options)));
    }
}

TEST_CASE("a folder whose model is elsewhere, or not all there, says so") {
    const ScratchFolder folder;
    const auto error = [&] { return error_text([&] { SafetensorsFolder{folder.path()}; }, folder.path()); };
    const std::string start = "has no model.safetensors; ";
    std::filesystem::create_directories(folder / "snapshots" / "607a30d7");
    write(folder / "snapshots" / "607a30d7" / "config.json", "{}");
    CHECK(error() == start + "a model is in snapshots/607a30d7; give that folder");
    write_tensors(folder / "gpt2.safetensors", {{"a", 1.0F}});
    CHECK(error() == start + "gpt2.safetensors is a safetensors file; call it model.safetensors if it is the model");
    write_tensors(folder / "model-00002-of-00002.safetensors", {{"a", 1.0F}});
    CHECK(error() == start +
                         "model-00002-of-00002.safetensors is a part, but which tensors lie where only the index says; "
                         "download it too");
    std::filesystem::create_symlink("../../blobs/4d7a", folder / "model.safetensors");
    CHECK_THAT(error_text([&] { SafetensorsFolder{folder.path()}; }, folder / "model.safetensors"),
               Catch::Matchers::StartsWith(R"(is a symbolic link to "../../blobs/4d7a", which does not exist; )"));
    CHECK_THAT(error_text([&] { SafetensorsFolder{folder / "gpt2.safetensors"}; }, folder / "gpt2.safetensors"),
               Catch::Matchers::StartsWith("is a safetensors file, expected a folder with config.json"));
}
