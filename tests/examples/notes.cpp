// SPDX-License-Identifier: MIT
#include "common/notes.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace {

struct Noting {
    std::vector<std::string> notes{"one thing", "another"};

    [[nodiscard]] std::vector<std::string> take_notes() { return std::exchange(notes, {}); }
};
struct Silent {};

}  // namespace

TEST_CASE("a backend's notes are told once, a line each", "[examples]") {
    Noting backend;
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* const to = open_memstream(&text, &size);
    common::print_notes(to, common::notes_of(backend));
    common::print_notes(to, common::notes_of(backend));
    std::fclose(to);
    CHECK(std::string(text, size) == "note     one thing\nnote     another\n");
    std::free(text);
    Silent silent;
    CHECK(common::notes_of(silent).empty());
}
