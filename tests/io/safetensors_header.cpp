// SPDX-License-Identifier: MIT
#include <lamina/io/safetensors_header.hpp>

#include "io/safetensors_sample.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr std::string_view good_header =
    R"({"__metadata__":{"format":"pt","a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},)"
    R"("y":{"extra":[{"a":[1]},null,1.5],"data_offsets":[0,4],"shape":[],"dtype":"I32"},)"
    R"("z":{"dtype":"F4","shape":[3,2],"data_offsets":[12,15]},"empty":{"dtype":"F64","shape":[0,7],"data_offsets":[4,4]}}  )";

SafetensorsHeader header_of(std::string_view bytes) { return read_safetensors_header("f", as_bytes(bytes)); }

std::string error_of_bytes(std::string_view bytes) {
    return error_text([&] { static_cast<void>(header_of(bytes)); }, "f");
}

std::string error_of(std::string_view header, std::size_t data_bytes = 0) {
    return error_of_bytes(safetensors_bytes(header, std::string(data_bytes, 'd')));
}

/// The error for one tensor "x", described by these fields, with 8 bytes of data.
std::string error_of_tensor(const std::string& fields) { return error_of("{\"x\":{" + fields + "}}", 8); }

}  // namespace

TEST_CASE("a safetensors header lists tensors in the order of their data") {
    const std::string bytes = safetensors_bytes(good_header, std::string(15, 'd'));
    const SafetensorsHeader header = header_of(bytes);
    CHECK(header.data_offset == 8 + good_header.size());
    CHECK(header.metadata == SafetensorsMetadata{{"format", "pt"}, {"a", "b"}});
    REQUIRE(header.tensors.size() == 4);
    CHECK(header.tensors[0].name == "y");
    CHECK(header.tensors[0].type == ScalarType::i32);
    CHECK(header.tensors[0].shape.empty());
    CHECK(header.tensors[0].size() == 1);
    CHECK(header.tensors[1].name == "empty");
    CHECK(header.tensors[1].size() == 0);
    CHECK(header.tensors[2].name == "x");
    CHECK(header.tensors[2].shape == std::vector<std::size_t>{2, 1});
    CHECK(header.tensors[2].begin == 4);
    CHECK(header.tensors[2].end == 12);
    CHECK(header.tensors[3].name == "z");
    CHECK(header.tensors[3].size() == 6);
}

TEST_CASE("a safetensors header may be empty, and may begin with blanks") {
    CHECK(header_of(safetensors_bytes("{}", "")).tensors.empty());
    CHECK(header_of(safetensors_bytes(" \n{ } ", "")).tensors.empty());
}

TEST_CASE("a safetensors file that ends too early, or whose header cannot be that long, is refused") {
    const std::string whole =
        safetensors_bytes(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
    CHECK(error_of_bytes("") == "is 0 bytes long, expected at least 8");
    const std::string cut_short = "; the file was cut short, download or write it again";
    CHECK(error_of_bytes(whole.substr(0, 7)) == "is 7 bytes long, expected at least 8");
    CHECK(error_of_bytes(whole.substr(0, 8)) == "header length is 54 bytes, but only 0 follow" + cut_short);
    CHECK(error_of_bytes(whole.substr(0, 61)) == "header length is 54 bytes, but only 53 follow" + cut_short);
    CHECK(error_of_bytes(whole.substr(0, 62)) ==
          "holds 0 bytes of tensor data, but the header describes 8" + cut_short);
    CHECK(error_of_bytes(whole.substr(0, 69)) ==
          "holds 7 bytes of tensor data, but the header describes 8" + cut_short);
    CHECK(error_of_bytes(whole) == "no error");
    CHECK(error_of_bytes(whole + "9") == "holds 9 bytes of tensor data, but the header describes 8");
    CHECK(error_of_bytes(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8) + "{}") ==
          "header length is 18446744073709551615 bytes, expected at most 100000000");
    CHECK(error_of_bytes(std::string("\x01\xE1\xF5\x05\0\0\0\0", 8) + "{}") ==
          "header length is 100000001 bytes, expected at most 100000000");
    CHECK(error_of_bytes(std::string("\x00\xE1\xF5\x05\0\0\0\0", 8) + "{}") ==
          "header length is 100000000 bytes, but only 2 follow" + cut_short);
}

TEST_CASE("a safetensors header that is not a JSON object in UTF-8 is refused") {
    CHECK(error_of("") == "header does not begin with '{'");
    CHECK(error_of("   ") == "header does not begin with '{'");
    CHECK(error_of("[]") == "header does not begin with '{'");
    CHECK(error_of("\xEF\xBB\xBF{}") == "header does not begin with '{'");
    CHECK(error_of("{") == "header is not valid JSON in UTF-8 at byte 2");
    CHECK(error_of("{} x") == "header is not valid JSON in UTF-8 at byte 4");
    CHECK(error_of("{}{}") == "header is not valid JSON in UTF-8 at byte 3");
    CHECK(error_of(std::string_view("{}\0x", 4)) == "header contains a zero byte");
    CHECK(error_of("{\"a\xFF\":1}") == "header is not valid JSON in UTF-8 at byte 4");
    CHECK(error_of("{\"\\ud800\":1}") == "header is not valid JSON in UTF-8 at byte 9");
    CHECK(error_of("{\"a\":{\"dtype\":NaN}}") == "header is not valid JSON in UTF-8 at byte 15");
    CHECK(error_of("{/**/}") == "header is not valid JSON in UTF-8 at byte 2");
}

TEST_CASE("a safetensors header with a value in the wrong place is refused") {
    CHECK(error_of("{\"x\":3}") == "tensor \"x\" is 3, expected an object");
    CHECK(error_of("{\"x\":null}") == "tensor \"x\" is null, expected an object");
    CHECK(error_of("{\"x\":[{}]}") == "tensor \"x\" is an array, expected an object");
    CHECK(error_of("{\"__metadata__\":null}") == "no error");
    CHECK(error_of("{\"x\":null}") == "tensor \"x\" is null, expected an object");
    CHECK(error_of("{\"__metadata__\":{\"a\":null}}") == "__metadata__: \"a\" is null, expected a string");
    CHECK(error_of("{\"__metadata__\":\"pt\"}") == "__metadata__ is \"pt\", expected an object");
    CHECK(error_of("{\"__metadata__\":{\"a\":1}}") == "__metadata__: \"a\" is 1, expected a string");
    CHECK(error_of("{\"__metadata__\":{\"a\":{}}}") == "__metadata__: \"a\" is an object, expected a string");
    CHECK(error_of("{\"__metadata__\":{\"a\":[]}}") == "__metadata__: \"a\" is an array, expected a string");
    CHECK(error_of_tensor("\"dtype\":3") == "tensor \"x\": dtype is 3, expected a string");
    CHECK(error_of_tensor("\"dtype\":{}") == "tensor \"x\": dtype is an object, expected a string");
    CHECK(error_of_tensor("\"shape\":\"2\"") == "tensor \"x\": shape is \"2\", expected an array of whole numbers");
    CHECK(error_of_tensor("\"shape\":2") == "tensor \"x\": shape is 2, expected an array of whole numbers");
    CHECK(error_of_tensor("\"shape\":true") == "tensor \"x\": shape is true, expected an array of whole numbers");
    CHECK(error_of_tensor("\"data_offsets\":{}") ==
          "tensor \"x\": data_offsets is an object, expected an array of whole numbers");
    CHECK(error_of_tensor("\"shape\":[[2]]") ==
          "tensor \"x\": shape holds an array, expected whole numbers from 0 to 2^64-1");
    CHECK(error_of_tensor("\"shape\":[-2]") == "tensor \"x\": shape holds -2, expected whole numbers from 0 to 2^64-1");
    CHECK(error_of_tensor("\"shape\":[2.0]") ==
          "tensor \"x\": shape holds 2.0, expected whole numbers from 0 to 2^64-1");
    CHECK(error_of_tensor("\"data_offsets\":[0,18446744073709551616]") ==
          "tensor \"x\": data_offsets holds 18446744073709551616, expected whole numbers from 0 to 2^64-1");
    CHECK(error_of("{\"a\\nb\":[]}") == "tensor \"a\\x0ab\" is an array, expected an object");
}

TEST_CASE("a tensor of a safetensors header that lacks a field, or has it twice, is refused") {
    CHECK(error_of_tensor("") == "tensor \"x\": has no dtype");
    CHECK(error_of_tensor(R"("dtype":"F32","data_offsets":[0,8])") == "tensor \"x\": has no shape");
    CHECK(error_of_tensor(R"("dtype":"F32","shape":[2])") == "tensor \"x\": has no data_offsets");
    CHECK(error_of_tensor(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])") ==
          "tensor \"x\": \"dtype\" appears twice");
    CHECK(error_of_tensor(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])") ==
          "tensor \"x\": \"shape\" appears twice");
    const std::string x = R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
    CHECK(error_of("{" + x + "," + x + "}") == "tensor \"x\" appears twice");
    CHECK(error_of("{\"__metadata__\":{}," + x + ",\"__metadata__\":{}}") == "__metadata__ appears twice");
    CHECK(error_of(R"({"__metadata__":{"a":"","a":""}})") == "__metadata__: \"a\" appears twice");
}

TEST_CASE("a tensor of a safetensors header whose type, shape and offsets disagree is refused") {
    const auto error = [](const char* type, const char* shape, const char* offsets) {
        return error_of_tensor("\"dtype\":\"" + std::string(type) + "\",\"shape\":" + shape +
                               ",\"data_offsets\":" + offsets);
    };
    CHECK(error("F32", "[2]", "[0,8]") == "no error");
    CHECK(error("float", "[2]", "[0,8]") == "tensor \"x\": dtype is \"float\", which is not a safetensors type");
    CHECK(error("F64", "[2]", "[0,8]") == "tensor \"x\": data_offsets is [0, 8], expected 16 bytes for F64 [2]");
    CHECK(error("F32", "[3]", "[0,8]") == "tensor \"x\": data_offsets is [0, 8], expected 12 bytes for F32 [3]");
    CHECK(error("F32", "[]", "[0,8]") == "tensor \"x\": data_offsets is [0, 8], expected 4 bytes for F32 []");
    CHECK(error("F32", "[2]", "[8,0]") == "tensor \"x\": data_offsets is [8, 0], expected 8 bytes for F32 [2]");
    CHECK(error("F32", "[2]", "[0]") == "tensor \"x\": data_offsets has 1 numbers, expected 2");
    CHECK(error("F32", "[2]", "[0,8,8]") == "tensor \"x\": data_offsets has 3 numbers, expected 2");
    CHECK(error("F4", "[3]", "[0,2]") == "tensor \"x\": F4 [3] is not a whole number of bytes below 2^61");
    CHECK(error("F32", "[4294967296,4294967296]", "[0,8]") ==
          "tensor \"x\": F32 [4294967296, 4294967296] is not a whole number of bytes below 2^61");
    CHECK(error("F32", "[18446744073709551615]", "[0,8]") ==
          "tensor \"x\": F32 [18446744073709551615] is not a whole number of bytes below 2^61");
    CHECK(error("U8", "[1,1,1,1,1,1,1,1,1,9]", "[0,8]") ==
          "tensor \"x\": data_offsets is [0, 8], expected 9 bytes for U8 [1, 1, 1, 1, 1, 1, 1, 1, ...]");
}

TEST_CASE("tensors of a safetensors header that leave gaps or overlap are refused") {
    const auto error = [](int begin_x, int begin_y) {
        const auto tensor = [](const char* name, int begin) {
            return "\"" + std::string(name) + R"(":{"dtype":"I32","shape":[2],"data_offsets":[)" +
                   std::to_string(begin) + "," + std::to_string(begin + 8) + "]}";
        };
        return error_of("{" + tensor("x", begin_x) + "," + tensor("y", begin_y) + "}", 16);
    };
    CHECK(error(0, 8) == "no error");
    CHECK(error(8, 0) == "no error");
    CHECK(error(0, 9) == "tensor \"y\": data begin at 9, expected 8, the end of the tensor before");
    CHECK(error(0, 4) == "tensor \"y\": data begin at 4, expected 8, the end of the tensor before");
    CHECK(error(0, 0) == "tensor \"y\": data begin at 0, expected 8, the end of the tensor before");
    CHECK(error(9, 1) == "tensor \"y\": data begin at 1, expected 0, the end of the tensor before");
}

TEST_CASE("a hostile nesting in a safetensors header ends in an error, not in a crash") {
    const std::string open(100'000, '[');
    const std::string close(100'000, ']');
    CHECK(error_of("{\"x\":" + open + close + "}") == "tensor \"x\" is an array, expected an object");
    CHECK(error_of_tensor("\"extra\":" + open + close) == "tensor \"x\": has no dtype");
    CHECK_THAT(error_of_tensor("\"extra\":" + open), Catch::Matchers::StartsWith("header is not valid JSON in UTF-8"));
}

TEST_CASE("a safetensors file with bytes changed at random is read or refused, and what is read stays in its bounds") {
    const std::string good = safetensors_bytes(good_header, std::string(15, 'd'));
    constexpr std::string_view interesting =
        "{}[]\",:0123456789-.eE\\u \0\xFF\x80"
        "FIUB4";
    std::mt19937 random(20240229);
    int accepted = 0, refused = 0, out_of_bounds = 0, long_messages = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = good;
        for (auto edits = random() % 4 + 1; edits > 0; --edits) {
            const std::size_t place = random() % 3 == 0 ? random() % 9 : random() % bytes.size();
            switch (random() % 4) {
                case 0:
                    bytes[place] = static_cast<char>(random());
                    break;
                case 1:
                    bytes[place] = interesting[random() % interesting.size()];
                    break;
                case 2:
                    bytes.erase(place, random() % 8);
                    break;
                default:
                    bytes.insert(place, bytes.substr(random() % bytes.size(), random() % 40));
            }
            if (bytes.empty()) bytes = good;
        }
        if (random() % 2 == 0 && bytes.size() > 23) {  // mend the length, so that later checks are reached too
            const std::uint64_t length = bytes.size() - 8 - 15;
            std::memcpy(bytes.data(), &length, sizeof length);
        }
        try {
            const SafetensorsHeader header = header_of(bytes);
            ++accepted;
            for (const StoredTensor& tensor : header.tensors) {
                const bool inside = tensor.begin <= tensor.end && header.data_offset + tensor.end <= bytes.size() &&
                                    tensor.size() * bits_of(tensor.type) == 8 * (tensor.end - tensor.begin);
                out_of_bounds += inside ? 0 : 1;
            }
        } catch (const FileError& error) {
            ++refused;
            const std::string_view text = error.what();
            long_messages += text.size() < 1000 && text.find('\n') == text.npos ? 0 : 1;
        }
    }
    CHECK(out_of_bounds == 0);
    CHECK(long_messages == 0);
    CHECK(accepted > 100);
    CHECK(refused > 10'000);
}
