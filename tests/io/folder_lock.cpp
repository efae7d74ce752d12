// SPDX-License-Identifier: MIT
#include <lamina/io/folder_lock.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

using namespace lamina_tests;
using lamina::io::FolderLock;

static_assert(!std::is_copy_constructible_v<FolderLock> && std::is_nothrow_move_constructible_v<FolderLock>);

TEST_CASE("a folder is locked once, by name of the process that holds it, and is free again without a trace") {
    const ScratchFolder folder;
    std::optional<FolderLock> lock(folder.path());
    // Two descriptions of one file exclude each other in one process as in two.
    CHECK(error_text([&] { FolderLock(folder.path()); }, folder.path()) ==
          "another program is writing there, process " + std::to_string(::getpid()) +
              "; wait for it, or give another folder");
    std::optional<FolderLock> moved(std::move(*lock));
    lock.reset();
    CHECK(folder.entries() == 1);
    CHECK(error_text([&] { FolderLock(folder.path()); }, folder.path()) != "no error");
    moved.reset();
    CHECK(folder.entries() == 0);
    CHECK_NOTHROW(FolderLock(folder.path()));
}

TEST_CASE("a process that is killed locks nobody out") {
    const ScratchFolder folder;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const ::pid_t child = ::fork();
    if (child == 0) {
        const FolderLock lock(folder.path());
        static_cast<void>(::write(pipe[1], "x", 1) == 1);
        ::pause();
        ::_exit(0);
    }
    char locked = 0;
    REQUIRE(::read(pipe[0], &locked, 1) == 1);
    CHECK(error_text([&] { FolderLock(folder.path()); }, folder.path()) ==
          "another program is writing there, process " + std::to_string(child) +
              "; wait for it, or give another folder");
    REQUIRE(::kill(child, SIGKILL) == 0);
    ::waitpid(child, nullptr, 0);
    ::close(pipe[0]);
    ::close(pipe[1]);
    CHECK(folder.entries() == 1);  // what it left
    CHECK_NOTHROW(FolderLock(folder.path()));
    CHECK(folder.entries() == 0);
}

TEST_CASE("a folder that is none, or whose lock is a link to elsewhere, is refused by name") {
    const ScratchFolder folder;
    const auto missing = folder / "missing";
    CHECK(error_text([&] { FolderLock{missing}; }, missing) == "cannot be written: No such file or directory");
    std::filesystem::create_symlink(folder / "elsewhere", folder / ".lock");
    CHECK(error_text([&] { FolderLock(folder.path()); }, folder.path()).starts_with("cannot be written: "));
    CHECK_FALSE(std::filesystem::exists(folder / "elsewhere"));
}
