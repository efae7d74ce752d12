// SPDX-License-Identifier: MIT
#include "common/output_file.hpp"

#include <filesystem>
#include <fstream>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

using common::OutputFile;
using lamina_tests::ScratchFolder;

TEST_CASE("what is there is not written over unasked, whatever it is") {
    const ScratchFolder folder;
    const std::filesystem::path place = folder.path() / "result.json";
    CHECK_FALSE(OutputFile{}.wanted());
    CHECK_NOTHROW(OutputFile{}.protect());
    CHECK_NOTHROW(OutputFile{place.string()}.protect());
    std::filesystem::create_symlink("nowhere", place);
    const std::string refused = "--json " + place.string() + " exists; give another file, or --force to replace it";
    CHECK_THROWS_WITH(OutputFile{place.string()}.protect(), refused);
    std::filesystem::remove(place);
    std::ofstream(place) << "{}";
    CHECK_THROWS_WITH(OutputFile{place.string()}.protect(), refused);
    CHECK_NOTHROW((OutputFile{place.string(), true}.protect()));
}
