// SPDX-License-Identifier: MIT
#include <lamina/io/safetensors_writer.hpp>

#include "io/safetensors_sample.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <lamina/io/safetensors.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

const std::filesystem::path golden = std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "safetensors";

/// Writes every tensor of one file to another, in an order that the writer has to mend.
void rewrite(const std::filesystem::path& from, const std::filesystem::path& to) {
    const SafetensorsFile file(from);
    std::vector<TensorToWrite> tensors;
    for (const StoredTensor& tensor : file.tensors()) {
        tensors.push_back(
            {.name = tensor.name, .type = tensor.type, .shape = tensor.shape, .write_data = [&](TensorSink& sink) {
                 sink.write_bytes(file.bytes(tensor));
             }});
    }
    std::shuffle(tensors.begin(), tensors.end(), std::mt19937(1));
    write_safetensors(to, std::move(tensors), file.metadata());
}

TensorToWrite zeros(std::string name, ScalarType type, std::vector<std::size_t> shape, std::size_t bytes) {
    return {.name = std::move(name), .type = type, .shape = std::move(shape), .write_data = [bytes](TensorSink& sink) {
                sink.write_bytes(std::vector<std::byte>(bytes));
            }};
}

}  // namespace

TEST_CASE("a file of the reference writer comes out of ours byte for byte") {
    const ScratchFolder folder;
    for (const char* name : {"mixed.safetensors", "without_metadata.safetensors", "without_tensors.safetensors"}) {
        CAPTURE(name);
        rewrite(golden / name, folder / name);
        CHECK(contents(folder / name) == contents(golden / name));
    }
}

TEST_CASE("a trained model's file comes out of ours byte for byte") {
    const char* const shared = std::getenv("LAMINA_SHARED");
    const auto path = std::filesystem::path(shared != nullptr ? shared : LAMINA_SHARED_DIR) / "data" /
                      "gpt2_nano_sort" / "model.safetensors";
    if (!std::filesystem::exists(path)) LAMINA_SKIP("no gpt2_nano_sort/model.safetensors in the shared data");
    const ScratchFolder folder;
    rewrite(path, folder / "model.safetensors");
    CHECK(contents(folder / "model.safetensors") == contents(path));
}

TEST_CASE("an unpadded file of an old writer keeps every tensor and gains the padding") {
    const ScratchFolder folder;
    rewrite(golden / "unpadded.safetensors", folder / "padded.safetensors");
    CHECK(contents(folder / "padded.safetensors") == contents(golden / "mixed.safetensors"));
}

TEST_CASE("tensors in memory are written in their own type or another, and read back") {
    const ScratchFolder folder;
    const auto path = folder / "a.safetensors";
    std::vector<float> weights(20'000);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 1.0F + static_cast<float>(i) * 0x1p-12F;
    const std::vector<double> precise{0.1, 0.2};
    const std::vector<std::int64_t> steps{-1, 7};
    write_safetensors(path, {tensor_to_write<float>("same", {100, 200}, weights),
                             tensor_to_write<float>("narrow", {20'000}, weights, ScalarType::bf16),
                             tensor_to_write<double>("double", {2}, precise),
                             tensor_to_write<double>("single", {2}, precise, ScalarType::f32),
                             tensor_to_write<std::int64_t>("steps", {2, 1}, steps)});
    const SafetensorsFile file(path);
    CHECK(file.metadata() == SafetensorsMetadata{{"format", "pt"}});
    std::vector<float> same(weights.size());
    file.read_into<float>("same", same);
    CHECK(same == weights);
    std::vector<float> narrow(weights.size());
    file.read_into<float>("narrow", narrow);
    std::vector<float> rounded;
    for (const float weight : weights) rounded.push_back(bf16(weight));
    CHECK(narrow == rounded);
    std::vector<double> read(2);
    file.read_into<double>("double", read);
    CHECK(read == precise);
    file.read_into<double>("single", read);
    CHECK(read == std::vector<double>{0.1F, 0.2F});
    std::vector<std::int64_t> integers(2);
    file.read_into<std::int64_t>("steps", integers);
    CHECK(integers == steps);
}

TEST_CASE("a tensor may be handed over in pieces, when its turn comes") {
    const ScratchFolder folder;
    const auto path = folder / "a.safetensors";
    std::vector<std::string> turns;
    const auto in_pieces = [&turns](TensorSink& sink) {
        turns.emplace_back("pieces");
        const std::vector<double> values{1, 2, 3};
        for (const double& value : values) sink.write(std::span(&value, 1));
        CHECK(sink.written() == 12);
    };
    const auto last = [&turns](TensorSink& sink) {
        turns.emplace_back("last");
        sink.write_bytes(std::vector<std::byte>(1));
    };
    write_safetensors(path, {{.name = "a", .type = ScalarType::u8, .shape = {1}, .write_data = last},
                             {.name = "b", .type = ScalarType::f32, .shape = {3}, .write_data = in_pieces}});
    CHECK(turns == std::vector<std::string>{"pieces", "last"});
    std::vector<float> values(3);
    SafetensorsFile(path).read_into<float>("b", values);
    CHECK(values == std::vector{1.0F, 2.0F, 3.0F});
}

TEST_CASE("names that JSON must escape come back from a written safetensors file") {
    const ScratchFolder folder;
    const auto path = folder / "a.safetensors";
    const std::string name = "quote \" backslash \\ newline \n bell \x07 é";
    write_safetensors(path, {zeros(name, ScalarType::u8, {2}, 2)}, {{name, name}});
    CHECK_THAT(contents(path),
               Catch::Matchers::Contains(R"("quote \" backslash \\ newline \n bell \u0007 é":{"dtype")"));
    const SafetensorsFile file(path);
    CHECK(file.find(name) != nullptr);
    CHECK(file.metadata() == SafetensorsMetadata{{name, name}});
}

TEST_CASE("tensors that no safetensors file can hold are refused, and no file appears") {
    const ScratchFolder folder;
    const auto path = folder / "a.safetensors";
    const auto error_for = [&](std::vector<TensorToWrite> tensors) {
        return error_text([&] { write_safetensors(path, std::move(tensors)); });
    };
    CHECK(error_for({zeros("x", ScalarType::u8, {1}, 1), zeros("x", ScalarType::f32, {1}, 4)}) ==
          "write_safetensors: tensor \"x\" appears twice");
    CHECK(error_for({zeros("__metadata__", ScalarType::u8, {1}, 1)}) ==
          "write_safetensors: no tensor can be named \"__metadata__\"");
    CHECK(error_for({zeros("\xFF", ScalarType::u8, {1}, 1)}) == "write_safetensors: \"\\xff\" is not valid UTF-8");
    CHECK(error_for({zeros("x", ScalarType::f4, {3}, 2)}) ==
          "write_safetensors: tensor \"x\": F4 [3] is not a whole number of bytes below 2^61");
    CHECK(error_text([&] {
              write_safetensors(path, {}, {{"a", ""}, {"a", ""}});
          }) == "write_safetensors: metadata \"a\" appears twice");
    CHECK(folder.entries() == 0);
}

TEST_CASE("a writer that hands over other data than it promised is a bug of its author, and no file appears") {
    const ScratchFolder folder;
    const auto path = folder / "a.safetensors";
    CHECK_THROWS_AS(write_safetensors(path, {zeros("x", ScalarType::f32, {2}, 7)}), ArgumentError);
    CHECK_THROWS_WITH(write_safetensors(path, {zeros("x", ScalarType::f32, {2}, 9)}),
                      "lamina: write_safetensors: write_data of tensor \"x\" handed over 9 bytes, expected 8, those of "
                      "its type and shape");
    const std::vector<float> values{1.0F};
    CHECK_THROWS_WITH(write_safetensors(path, {tensor_to_write<float>("x", {1}, values, ScalarType::i32)}),
                      "lamina: TensorSink::write: values of this type do not convert to the tensor's type");
    CHECK(folder.entries() == 0);
}

TEST_CASE("an error while the data are handed over leaves the old file") {
    const ScratchFolder folder;
    const auto path = write(folder / "a.safetensors", "old");
    const auto failing = [](TensorSink&) { throw Error("no data"); };
    CHECK(error_text([&] {
              write_safetensors(path, {{.name = "x", .type = ScalarType::u8, .shape = {1}, .write_data = failing}});
          }) == "no data");
    CHECK(contents(path) == "old");
    CHECK(folder.entries() == 1);
    const auto missing = folder / "missing" / "a.safetensors";
    CHECK(error_text([&] { write_safetensors(missing, {}); }, missing) ==
          "cannot be written: No such file or directory");
}
