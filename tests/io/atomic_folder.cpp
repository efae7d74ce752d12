// SPDX-License-Identifier: MIT
#include <lamina/io/atomic_folder.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <type_traits>

using lamina::io::AtomicFolder;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<AtomicFolder> && !std::is_move_constructible_v<AtomicFolder>);

void make_folder(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directory(path);
    write(path / "state", text);
}

}  // namespace

TEST_CASE("an atomic folder appears with all its files when it is committed, and not before") {
    const ScratchFolder folder;
    const auto path = folder / "checkpoint";
    AtomicFolder pending(path);
    write(pending.staging() / "state", "1");
    std::filesystem::create_directory(pending.staging() / "inner");
    write(pending.staging() / "inner" / "more", "2");
    CHECK(pending.path() == path);
    CHECK(!std::filesystem::exists(path));
    pending.commit();
    CHECK(contents(path / "state") == "1");
    CHECK(contents(path / "inner" / "more") == "2");
    CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic folder that is abandoned leaves the old one and nothing else") {
    const ScratchFolder folder;
    const auto path = folder / "checkpoint";
    make_folder(path, "old");
    {
        const AtomicFolder pending(path);
        write(pending.staging() / "state", "new");
    }
    CHECK(contents(path / "state") == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic folder replaces an old one with all that was in it") {
    const ScratchFolder folder;
    const auto path = folder / "checkpoint";
    make_folder(path, "old");
    write(path / "of the old one only", "");
    AtomicFolder pending(path / "");
    write(pending.staging() / "state", "new");
    CHECK(contents(path / "state") == "old");
    pending.commit();
    CHECK(contents(path / "state") == "new");
    CHECK(!std::filesystem::exists(path / "of the old one only"));
    CHECK(folder.entries() == 1);
}

TEST_CASE("a writer that is killed leaves the old folder whole, and the next one clears its remains") {
    const ScratchFolder folder;
    const auto path = folder / "checkpoint";
    make_folder(path, "old");
    const ::pid_t child = ::fork();
    if (child == 0) {
        const AtomicFolder pending(path);
        write(pending.staging() / "half", "new");
        ::_exit(0);
    }
    REQUIRE(child > 0);
    ::waitpid(child, nullptr, 0);
    CHECK(contents(path / "state") == "old");
    CHECK(folder.entries() == 2);
    AtomicFolder next(path);
    CHECK(!std::filesystem::exists(next.staging() / "half"));
    write(next.staging() / "state", "new");
    next.commit();
    CHECK(contents(path / "state") == "new");
    CHECK(folder.entries() == 1);
}

TEST_CASE("a folder whose writer was killed while its place was empty is put back") {
    const ScratchFolder folder;
    const auto path = folder / "checkpoint";
    make_folder(folder / ".checkpoint.retired", "old");
    SECTION("for a reader") { AtomicFolder::recover(path / ""); }
    SECTION("for the next writer") {
        const AtomicFolder pending(path);
        write(pending.staging() / "state", "new");
    }
    CHECK(contents(path / "state") == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("nothing is put back over a folder that is there, and nothing where nothing was") {
    const ScratchFolder folder;
    AtomicFolder::recover(folder / "checkpoint");
    CHECK(folder.entries() == 0);
    make_folder(folder / "checkpoint", "new");
    make_folder(folder / ".checkpoint.retired", "old");
    AtomicFolder::recover(folder / "checkpoint");
    CHECK(contents(folder / "checkpoint" / "state") == "new");
}

TEST_CASE("an atomic folder names the place that it cannot write to") {
    const ScratchFolder folder;
    const auto missing = folder / "missing" / "checkpoint";
    CHECK(error_text([&] { AtomicFolder{missing}; }) ==
          missing.string() + ": cannot be created: No such file or directory");
    const auto file = write(folder / "file", "kept");
    CHECK(error_text([&] { AtomicFolder{file}; }, file) == "is not a folder");
    CHECK(contents(file) == "kept");
}
