// SPDX-License-Identifier: MIT
#include <lamina/text/token_files.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

using Catch::Matchers::Contains;
using lamina::text::find_token_files;
using Paths = std::vector<std::filesystem::path>;

TEST_CASE("a folder stands for its token files by name, a file for itself", "[text]") {
    const lamina_tests::TextFolder folder;
    const auto b = folder.file("b_000002.bin", "");
    const auto a = folder.file("a_000001.npy", "");
    const auto c = folder.file("c.bin", "");
    folder.file("notes.txt", "");
    std::filesystem::create_directory(folder.path() / "d.bin");
    CHECK(find_token_files({folder.path()}) == Paths{a, b, c});
    CHECK(find_token_files({c, folder.path(), "missing.bin"}) == Paths{c, a, b, c, "missing.bin"});
}

TEST_CASE("a folder without token files, or with those of a validation, is refused", "[text]") {
    const lamina_tests::TextFolder folder;
    CHECK_THROWS_AS(find_token_files({}), lamina::ArgumentError);
    CHECK_THROWS_AS(find_token_files({folder.path()}), lamina::FileError);
    CHECK_THROWS_WITH(find_token_files({folder.path()}), Contains("has no *.bin and no *.npy, expected token files"));
    folder.file("fineweb_val_000000.bin", "");
    CHECK(find_token_files({folder.path()}).size() == 1);
    folder.file("fineweb_train_000001.bin", "");
    CHECK_THROWS_WITH(
        find_token_files({folder.path()}),
        folder.path().string() + ": has files to train on and others to validate with; name the files instead");
}
