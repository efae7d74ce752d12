// SPDX-License-Identifier: MIT
#include "common/out_folder.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

using common::OutFolder;
using namespace lamina_tests;

TEST_CASE("the folder of --out is made and held, and what is in it is told by name") {
    const ScratchFolder folder;
    const auto out = folder / "a/b";
    {
        const OutFolder held(out);
        CHECK(error_text([&] { OutFolder{out}; }, out).starts_with("another program is writing there"));
        write(out / "two", "");
        write(out / "one", "");
        CHECK(common::visible_names(out) == std::vector<std::string>{"one", "two"});
    }
    CHECK_NOTHROW(OutFolder{out});
    CHECK(std::filesystem::exists(out / "two"));
    CHECK(error_text([&] { OutFolder{out / "one"}; }, out / "one") == "cannot be created: Not a directory");
}

TEST_CASE("an empty folder goes with what made it, and stays if it was there") {
    const ScratchFolder folder;
    { const OutFolder held(folder / "made"); }
    CHECK_FALSE(std::filesystem::exists(folder / "made"));
    { const OutFolder held(folder.path()); }
    CHECK(folder.entries() == 0);
}
