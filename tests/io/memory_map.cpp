// SPDX-License-Identifier: MIT
#include <lamina/io/memory_map.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <string>
#include <type_traits>
#include <utility>

using lamina::io::MemoryMap;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<MemoryMap> && std::is_nothrow_move_constructible_v<MemoryMap>);

std::string text_of(const MemoryMap& map) {
    return {static_cast<const char*>(static_cast<const void*>(map.bytes().data())), map.bytes().size()};
}

}  // namespace

TEST_CASE("a memory map shows the bytes of the file") {
    const ScratchFolder folder;
    const MemoryMap map(write(folder / "a", "hello"));
    CHECK(text_of(map) == "hello");
}

TEST_CASE("a memory map of an empty file is empty") {
    const ScratchFolder folder;
    CHECK(MemoryMap(write(folder / "a", "")).bytes().empty());
}

TEST_CASE("the bytes of a memory map stay in place when it is moved") {
    const ScratchFolder folder;
    MemoryMap first(write(folder / "a", "hello"));
    const std::byte* const address = first.bytes().data();
    MemoryMap second(std::move(first));
    CHECK(second.bytes().data() == address);
    MemoryMap third(write(folder / "b", "other"));
    third = std::move(second);
    CHECK(third.bytes().data() == address);
    CHECK(text_of(third) == "hello");
}

TEST_CASE("bytes that were forgotten can be read again") {
    const ScratchFolder folder;
    const std::string text(100'000, 'x');
    const MemoryMap map(write(folder / "a", text));
    CHECK(text_of(map) == text);
    map.forget(map.bytes().subspan(5000, 90'000));
    map.forget(map.bytes());
    map.forget({});
    CHECK(text_of(map) == text);
}

TEST_CASE("a memory map names the file that it cannot open") {
    const ScratchFolder folder;
    const auto missing = folder / "missing";
    CHECK(error_text([&] { MemoryMap{missing}; }) ==
          missing.string() + ": cannot be opened: No such file or directory");
    CHECK(error_text([&] { MemoryMap{folder.path()}; }, folder.path()) ==
          "is a folder, expected a file; give the file itself");
    CHECK(error_text([&] { MemoryMap{"/dev/null"}; }) == "/dev/null: is not a regular file");
}
