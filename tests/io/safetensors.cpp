// SPDX-License-Identifier: MIT
#include <lamina/io/safetensors.hpp>

#include <lamina/io/safetensors_writer.hpp>

#include "io/safetensors_sample.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<SafetensorsFile> && std::is_move_constructible_v<SafetensorsFile>);

const std::filesystem::path golden = std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "safetensors";

std::string text_of(std::span<const std::byte> bytes) {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

/// A file with one tensor "x", whose data start at an odd address.
template <class T>
std::filesystem::path unaligned_file(const ScratchFolder& folder, ScalarType type, const std::vector<T>& values) {
    const std::string data = bytes_of(values);
    std::string header = "{\"x\":{\"dtype\":\"" + std::string(name_of(type)) + "\",\"shape\":[" +
                         std::to_string(values.size()) + "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}";
    if (header.size() % 2 == 0) header += ' ';
    return write(folder / (std::string(name_of(type)) + ".safetensors"), safetensors_bytes(header, data));
}

template <class To, class From>
std::vector<To> converted(ScalarType type, const std::vector<From>& values) {
    const ScratchFolder folder;
    std::vector<To> result(values.size());
    SafetensorsFile(unaligned_file(folder, type, values)).read_into<To>("x", result);
    return result;
}

template <class T>
std::vector<std::uint16_t> bits_of_all(const std::vector<T>& values) {
    std::vector<std::uint16_t> bits;
    for (const T value : values) bits.push_back(value.bits);
    return bits;
}

}  // namespace

TEST_CASE("files of the reference writer hold the tensors that were given to it") {
    const auto expected = nlohmann::json::parse(contents(golden / "mixed.json"));
    for (const char* name : {"mixed.safetensors", "unpadded.safetensors"}) {
        CAPTURE(name);
        const SafetensorsFile file(golden / name);
        CHECK(file.path() == golden / name);
        CHECK(file.metadata() == SafetensorsMetadata{{"format", "pt"}});
        CHECK(file.tensors().size() == expected.size());
        for (const auto& [tensor_name, facts] : expected.items()) {
            CAPTURE(tensor_name);
            const StoredTensor& tensor = file.tensor(tensor_name);
            CHECK(name_of(tensor.type) == facts["dtype"].get<std::string>());
            CHECK(tensor.shape == facts["shape"].get<std::vector<std::size_t>>());
            CHECK(text_of(file.bytes(tensor)) == from_hex(facts["bytes"]));
        }
    }
}

TEST_CASE("a safetensors file may lack metadata, or tensors") {
    const SafetensorsFile file(golden / "without_metadata.safetensors");
    CHECK(file.metadata().empty());
    std::vector<double> values(2);
    file.read_into<double>("only", values);
    CHECK(values == std::vector{1.0, 2.0});
    CHECK(SafetensorsFile(golden / "without_tensors.safetensors").tensors().empty());
}

TEST_CASE("a safetensors file finds tensors by name and checks their shape") {
    const auto path = golden / "mixed.safetensors";
    const SafetensorsFile file(path);
    CHECK(file.find("absent") == nullptr);
    REQUIRE(file.find("b.f32") != nullptr);
    CHECK(file.find("b.f32") == &file.tensor("b.f32", std::array<std::size_t, 2>{2, 3}));
    CHECK(error_text([&] { static_cast<void>(file.tensor("absent")); }) ==
          path.string() + ": has no tensor \"absent\"");
    CHECK(error_text(
              [&] {
                  static_cast<void>(file.tensor("b.f32", std::array<std::size_t, 2>{3, 2}));
              },
              path) == "tensor \"b.f32\" has shape [2, 3], expected [3, 2]");
    CHECK(error_text([&] { static_cast<void>(file.tensor("scalar", std::array<std::size_t, 1>{1})); }, path) ==
          "tensor \"scalar\" has shape [], expected [1]");
}

TEST_CASE("a safetensors file can be moved while its tensors are in use") {
    SafetensorsFile file(golden / "mixed.safetensors");
    const StoredTensor& tensor = file.tensor("a.f32");
    const std::span<const std::byte> bytes = file.bytes(tensor);
    const SafetensorsFile moved(std::move(file));
    CHECK(&moved.tensor("a.f32") == &tensor);
    CHECK(moved.bytes("a.f32").data() == bytes.data());
}

TEST_CASE("floating-point tensors convert into each other, from any address") {
    const std::vector<float> singles{1.0F, -2.5F, 0x1p-24F, 1.0F + 0x1p-8F, 1.0F + 0x3p-8F, 65520.0F, 1e30F};
    CHECK(converted<float>(ScalarType::f32, singles) == singles);
    CHECK(converted<double>(ScalarType::f32, singles) == std::vector<double>(singles.begin(), singles.end()));
    CHECK(bits_of_all(converted<bf16>(ScalarType::f32, singles)) ==
          std::vector<std::uint16_t>{0x3F80, 0xC020, 0x3380, 0x3F80, 0x3F82, 0x4780, 0x714A});
    CHECK(bits_of_all(converted<fp16>(ScalarType::f32, singles)) ==
          std::vector<std::uint16_t>{0x3C00, 0xC100, 0x0001, 0x3C04, 0x3C0C, 0x7C00, 0x7C00});

    const std::vector<std::uint16_t> halves{0x3C00, 0xC100, 0x0001, 0x7BFF};
    CHECK(converted<float>(ScalarType::f16, halves) == std::vector<float>{1.0F, -2.5F, 0x1p-24F, 65504.0F});
    CHECK(converted<double>(ScalarType::f16, halves) == std::vector<double>{1.0, -2.5, 0x1p-24, 65504.0});
    CHECK(bits_of_all(converted<bf16>(ScalarType::f16, halves)) ==
          std::vector<std::uint16_t>{0x3F80, 0xC020, 0x3380, 0x4780});
    CHECK(bits_of_all(converted<fp16>(ScalarType::f16, halves)) == halves);

    const std::vector<std::uint16_t> brains{0x3F80, 0xC020, 0x0001};
    CHECK(converted<float>(ScalarType::bf16, brains) == std::vector<float>{1.0F, -2.5F, 0x1p-133F});
    CHECK(converted<double>(ScalarType::bf16, brains) == std::vector<double>{1.0, -2.5, 0x1p-133});
    CHECK(bits_of_all(converted<bf16>(ScalarType::bf16, brains)) == brains);

    const std::vector<double> doubles{0.1, -2.5, 1e300};
    CHECK(converted<double>(ScalarType::f64, doubles) == doubles);
    CHECK(converted<float>(ScalarType::f64, doubles) ==
          std::vector<float>{0.1F, -2.5F, std::numeric_limits<float>::infinity()});
    CHECK(bits_of_all(converted<bf16>(ScalarType::f64, doubles)) == std::vector<std::uint16_t>{0x3DCD, 0xC020, 0x7F80});
}

TEST_CASE("NaN in a tensor stays NaN in every type") {
    const std::vector<float> nan{std::bit_cast<float>(0x7F80'0001U)};
    CHECK(std::isnan(converted<float>(ScalarType::f32, nan)[0]));
    CHECK(std::isnan(converted<double>(ScalarType::f32, nan)[0]));
    CHECK(std::isnan(static_cast<float>(converted<bf16>(ScalarType::f32, nan)[0])));
    CHECK(std::isnan(static_cast<float>(converted<fp16>(ScalarType::f32, nan)[0])));
}

TEST_CASE("tensors longer than the steps of a conversion arrive whole") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1023}, std::size_t{1024},
                                   std::size_t{1025}, (std::size_t{1} << 20U) + 1}) {
        CAPTURE(size);
        std::vector<float> values(size);
        for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i % 8191);
        CHECK(converted<double>(ScalarType::f32, values) == std::vector<double>(values.begin(), values.end()));
        CHECK(converted<float>(ScalarType::f32, values) == values);
    }
}

TEST_CASE("tensors that hold no floating-point numbers are read as what they are") {
    const SafetensorsFile file(golden / "mixed.safetensors");
    std::vector<std::int64_t> i64(3);
    file.read_into<std::int64_t>("i64", i64);
    CHECK(i64 == std::vector<std::int64_t>{std::int64_t{1} << 62U, -1, 0});
    std::vector<std::uint8_t> u8(3);
    file.read_into<std::uint8_t>("u8", u8);
    CHECK(u8 == std::vector<std::uint8_t>{0, 127, 255});

    const ScratchFolder folder;
    const SafetensorsFile flags(unaligned_file(folder, ScalarType::boolean, std::vector<std::uint8_t>{0, 1, 2, 255}));
    const auto bools = std::make_unique<bool[]>(4);
    flags.read_into<bool>("x", {bools.get(), 4});
    CHECK(std::vector<bool>(bools.get(), bools.get() + 4) == std::vector<bool>{false, true, true, true});
}

TEST_CASE("a tensor of another size or type than asked for is refused") {
    const auto path = golden / "mixed.safetensors";
    const SafetensorsFile file(path);
    std::vector<float> floats(5);
    std::vector<std::int64_t> integers(3);
    CHECK(error_text([&] { file.read_into<float>("b.f32", floats); }) ==
          path.string() + ": tensor \"b.f32\" has 6 elements in shape [2, 3], expected 5");
    CHECK(error_text([&] { file.read_into<float>("i32", std::span(floats).first(2)); }, path) ==
          "tensor \"i32\" is of type I32, expected F64, F32, F16 or BF16");
    CHECK(error_text([&] { file.read_into<std::int64_t>("f16", integers); }, path) ==
          "tensor \"f16\" is of type F16, expected I64");
    CHECK(error_text([&] { file.read_into<float>("absent", floats); }, path) == "has no tensor \"absent\"");
}

TEST_CASE("a safetensors file that is missing or no file is refused") {
    const ScratchFolder folder;
    const auto missing = folder / "missing.safetensors";
    CHECK(error_text([&] { SafetensorsFile{missing}; }, missing) == "cannot be opened: No such file or directory");
    CHECK(error_text([&] { SafetensorsFile{folder.path()}; }, folder.path()) ==
          "is a folder, expected a file; give the file itself");
    const auto text = write(folder / "text", "This is no safetensors file.");
    CHECK(error_text([&] { SafetensorsFile{text}; }, text) ==
          "is text that begins \"This is no safetensors file.\", expected a safetensors file; download it again");
    const auto binary = write(folder / "binary", "\1\2\3\4\5\6\7\1{}");
    CHECK_THAT(error_text([&] { SafetensorsFile{binary}; }, binary), Catch::Matchers::StartsWith("header length is "));
}

TEST_CASE("tensors are the same if type, shape and every byte are") {
    const ScratchFolder folder;
    const auto file_of = [&folder](const char* name, std::vector<TensorToWrite> tensors) {
        write_safetensors(folder / name, std::move(tensors));
        return SafetensorsFile(folder / name);
    };
    const std::vector<std::int32_t> values = {1, 2, 3, 4};
    const std::vector<std::int32_t> last_differs = {1, 2, 3, 5};
    const auto tensor = [](const char* name, std::vector<std::size_t> shape, const std::vector<std::int32_t>& data) {
        return tensor_to_write(name, std::move(shape), std::span(data));
    };
    const SafetensorsFile left = file_of("left", {tensor("x", {4}, values)});
    const SafetensorsFile right = file_of(
        "right", {tensor("a", {4}, values),
                  tensor("b", {2, 2}, values),
                  tensor("c", {4}, last_differs),
                  {.name = "d", .type = ScalarType::u32, .shape = {4}, .write_data = [&values](TensorSink& sink) {
                       sink.write_bytes(std::as_bytes(std::span(values)));
                   }}});
    const auto same = [&](const char* name) { return left.has_same(left.tensor("x"), right, right.tensor(name)); };
    CHECK(same("a"));
    CHECK_FALSE(same("b"));
    CHECK_FALSE(same("c"));
    CHECK_FALSE(same("d"));
}

TEST_CASE("going through a large tensor does not keep its file in memory") {
    const ScratchFolder folder;
    constexpr std::size_t elements = std::size_t{16} << 20U;  // 64 MiB
    std::vector<float> values(elements, 1.0F);
    const SafetensorsFile file(unaligned_file(folder, ScalarType::f32, values));
    const auto resident_file_kib = [] {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
        }
        return -1L;
    };
    const long before = resident_file_kib();
    if (before < 0) LAMINA_SKIP("the system does not report resident file pages");
    SECTION("read") { file.read_into<float>("x", values); }
    SECTION("compared") { CHECK(file.has_same(file.tensor("x"), file, file.tensor("x"))); }
    CHECK(resident_file_kib() - before < 16 * 1024);
}
