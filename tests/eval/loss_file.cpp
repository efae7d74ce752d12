// SPDX-License-Identifier: MIT
#include <lamina/eval/loss_file.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace lamina::eval;
using namespace lamina_tests;
using Begin = LossFile::Begin;

namespace {

std::vector<float> all(const LossFile& file) { return {file.losses().begin(), file.losses().end()}; }

}  // namespace

TEST_CASE("losses lie in a NumPy file of version 1.0") {
    const ScratchFolder folder;
    LossFile file(folder / "losses.npy", 2, 3, Begin::anew);
    file.append(std::vector<float>{1, 2, 3});
    file.append(std::vector<float>{4, 5, 6});
    const std::string written = contents(folder / "losses.npy");
    REQUIRE(written.size() == 128 + 6 * sizeof(float));
    CHECK(written.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    CHECK(written.substr(8, 2) == std::string("\x76\x00", 2));  // 118 bytes follow
    CHECK(written.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
    CHECK(written[127] == '\n');
    CHECK(written.substr(128, 4) == std::string("\x00\x00\x80\x3f", 4));
    CHECK_THROWS_AS(file.append(std::vector<float>{7, 8, 9}), lamina::ArgumentError);
    LossFile other(folder / "other.npy", 2, 3, Begin::anew);
    CHECK_THROWS_AS(other.append(std::vector<float>{7, 8}), lamina::ArgumentError);
    CHECK_THROWS_WITH(other.append(std::vector<float>(9)),
                      "lamina: LossFile::append: 9 losses, expected at most 2 whole blocks of 3");
    CHECK(other.losses().empty());
    CHECK_THROWS_AS(LossFile(folder / "none.npy", 2, 0, Begin::anew), lamina::ArgumentError);
}

TEST_CASE("a loss file goes on behind its last whole block") {
    const ScratchFolder folder;
    const auto path = folder / "losses.npy";
    LossFile(path, 3, 2, Begin::anew).append(std::vector<float>{1, 2, 3, 4});
    std::filesystem::resize_file(path, 128 + 3 * sizeof(float));
    LossFile file(path, 3, 2, Begin::where_it_stopped);
    CHECK(file.blocks() == 1);
    file.append(std::vector<float>{5, 6, 7, 8});
    CHECK(all(file) == std::vector<float>{1, 2, 5, 6, 7, 8});
    CHECK(all(LossFile(path, 3, 2, Begin::where_it_stopped)) == all(file));
    CHECK(LossFile(folder / "none.npy", 3, 2, Begin::where_it_stopped).blocks() == 0);
    std::filesystem::resize_file(path, 40);
    CHECK(LossFile(path, 3, 2, Begin::where_it_stopped).blocks() == 0);
    CHECK(std::filesystem::file_size(path) == 128);
}

TEST_CASE("a loss file of another shape, or in no folder, is refused by name") {
    const ScratchFolder folder;
    const auto path = folder / "losses.npy";
    LossFile(path, 3, 2, Begin::anew).append(std::vector<float>{1, 2});
    CHECK_THROWS_WITH(LossFile(path, 4, 2, Begin::where_it_stopped),
                      path.string() + ": holds other losses, expected float32 [4, 2]");
    write(path, "short");
    CHECK_THROWS_AS(LossFile(path, 3, 2, Begin::where_it_stopped), lamina::FileError);
    CHECK_THROWS_AS(LossFile(folder / "none" / "losses.npy", 3, 2, Begin::anew), lamina::FileError);
}
