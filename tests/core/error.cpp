// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <type_traits>

#include <lamina/core/error.hpp>

#include "support/catch.hpp"

using namespace lamina;

static_assert(std::is_base_of_v<std::runtime_error, Error>);
static_assert(std::is_base_of_v<Error, FileError>);
static_assert(std::is_base_of_v<Error, ArgumentError>);
static_assert(std::is_base_of_v<Error, NonFiniteError>);
// A handler for one must not catch another.
static_assert(!std::is_convertible_v<FileError*, ArgumentError*> && !std::is_convertible_v<ArgumentError*, FileError*>);
static_assert(!std::is_convertible_v<NonFiniteError*, ArgumentError*>);

TEST_CASE("a file error starts with the path and keeps it", "[core]") {
    const FileError error("model/config.json", "n_embd is 768, expected 1024");
    CHECK(error.what() == std::string("model/config.json: n_embd is 768, expected 1024"));
    CHECK(error.path() == "model/config.json");
}

TEST_CASE("an error that is told where it happened keeps its kind and what it knows", "[core]") {
    try {
        try {
            throw FileError("a.bin", "too short");
        } catch (Error& error) {
            error.append(", in tensor x");
            throw;
        }
    } catch (const FileError& error) {
        CHECK(error.what() == std::string("a.bin: too short, in tensor x"));
        CHECK(error.path() == "a.bin");
    }
}

TEST_CASE("every error of outside data can be caught as lamina::Error", "[core]") {
    CHECK_THROWS_AS(throw FileError("a", "b"), Error);
    CHECK_THROWS_AS(throw ArgumentError("rate is -1, expected at least 0"), Error);
    CHECK_THROWS_AS(throw NonFiniteError("wte.weight: NaN in step 7"), Error);
    CHECK_THROWS_WITH(throw ArgumentError("rate is -1, expected at least 0"), "rate is -1, expected at least 0");
}
