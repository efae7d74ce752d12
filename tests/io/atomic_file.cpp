// SPDX-License-Identifier: MIT
#include <lamina/io/atomic_file.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <type_traits>

using namespace lamina::io;
using namespace lamina_tests;

namespace {

static_assert(!std::is_copy_constructible_v<AtomicFile> && !std::is_move_constructible_v<AtomicFile>);

/// While it lives, no file of this process can grow past `bytes`: the nearest thing to a full disk that needs no disk.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const struct ::rlimit limit { bytes, before_.rlim_max };
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    void (*handler_)(int);
    struct ::rlimit before_ {};
};

}  // namespace

TEST_CASE("an atomic file appears whole when it is committed, and not before") {
    const ScratchFolder folder;
    const auto path = folder / "out.txt";
    {
        AtomicFile file(path);
        file.write("one ");
        file.write("two");
        CHECK(file.path() == path);
        CHECK(!std::filesystem::exists(path));
        file.commit();
        CHECK(contents(path) == "one two");
    }
    CHECK(contents(path) == "one two");
    CHECK(folder.entries() == 1);
}

TEST_CASE("the start of an atomic file can be written last") {
    const ScratchFolder folder;
    AtomicFile file(folder / "out.txt");
    file.write("?????, tail");
    const std::string header = "header";
    file.overwrite_start(std::as_bytes(std::span(header).first(5)));
    file.write(" more");
    file.commit();
    CHECK(contents(folder / "out.txt") == "heade, tail more");
    CHECK_THROWS_AS(file.overwrite_start({}), lamina::ContractViolation);
}

TEST_CASE("an atomic file that is abandoned leaves the old file and nothing else") {
    const ScratchFolder folder;
    const auto path = write(folder / "out.txt", "old");
    {
        AtomicFile file(path);
        file.write("new and incomplete");
        CHECK(folder.entries() == 2);
    }
    CHECK(contents(path) == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file replaces an old one") {
    const ScratchFolder folder;
    const auto path = write(folder / "out.txt", "a longer old text");
    write_file(path, "new");
    CHECK(contents(path) == "new");
    CHECK(folder.entries() == 1);
}

TEST_CASE("two atomic files for one name do not disturb each other") {
    const ScratchFolder folder;
    const auto path = folder / "out.txt";
    AtomicFile first(path);
    AtomicFile second(path);
    first.write("first");
    second.write("second");
    second.commit();
    CHECK(contents(path) == "second");
    first.commit();
    CHECK(contents(path) == "first");
}

TEST_CASE("what a killed writer has left is removed by the next writer of the same file") {
    const ScratchFolder folder;
    const auto path = write(folder / "out.txt", "old");
    const ::pid_t child = ::fork();
    if (child == 0) {
        AtomicFile file(path);
        file.write("half");
        ::_exit(0);
    }
    REQUIRE(child > 0);
    ::waitpid(child, nullptr, 0);
    REQUIRE(folder.entries() == 2);
    const auto left_by = [&](::pid_t process, const std::string& name) {
        return write(folder / ("." + name + "." + std::to_string(process) + ".0.partial"), "half");
    };
    const auto of_another_file = left_by(child, "out.txt.old");
    const auto of_a_living_process = left_by(::getppid(), "out.txt");
    const auto of_no_writer = write(folder / ".out.txt.partial", "");
    write_file(path, "new");
    CHECK(contents(path) == "new");
    CHECK(std::filesystem::exists(of_another_file));
    CHECK(std::filesystem::exists(of_a_living_process));
    CHECK(std::filesystem::exists(of_no_writer));
    CHECK(folder.entries() == 4);
}

TEST_CASE("an atomic file goes through a symbolic link to the file behind it") {
    const ScratchFolder folder;
    const auto target = write(folder / "target", "old");
    const auto link = folder / "link";
    std::filesystem::create_symlink(target, link);
    write_file(link, "new");
    CHECK(std::filesystem::is_symlink(link));
    CHECK(contents(target) == "new");
}

TEST_CASE("a failed write leaves the old file, removes its own, and says why") {
    const ScratchFolder folder;
    const auto path = write(folder / "out.txt", "old");
    std::string text;
    {
        const FileSizeLimit limit(10'000);
        text = error_text([&] { write_file(path, std::string(20'000, 'x')); });
    }
    CHECK(text == path.string() + ": cannot be written: File too large");
    CHECK(contents(path) == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("a full disk is reported with the system's reason") {
    if (!std::filesystem::exists("/dev/full")) LAMINA_SKIP("there is no /dev/full");
    const auto full = detail::open_file("/dev/full", O_WRONLY);
    const std::string text(100, 'x');
    CHECK(error_text([&] { detail::write_all(full, std::as_bytes(std::span(text)), "out"); }) ==
          "out: cannot be written: No space left on device");
}

TEST_CASE("an atomic file names the place that it cannot write to") {
    const ScratchFolder folder;
    const auto missing = folder / "missing" / "out.txt";
    CHECK(error_text([&] { AtomicFile{missing}; }) ==
          missing.string() + ": cannot be written: No such file or directory");
    const auto below_file = write(folder / "file", "") / "out.txt";
    CHECK(error_text([&] { AtomicFile{below_file}; }, below_file) == "cannot be written: Not a directory");
    CHECK(error_text([&] { AtomicFile{folder.path()}; }, folder.path()) == "is not a regular file");
    CHECK(error_text([&] { AtomicFile{"/dev/null"}; }) == "/dev/null: is not a regular file");
    CHECK(error_text([&] { AtomicFile{""}; }) == ": cannot be written: it has no file name");
}

TEST_CASE("an atomic file in a folder without write permission is refused") {
    if (::geteuid() == 0) LAMINA_SKIP("permissions do not bind the superuser");
    const ScratchFolder folder;
    std::filesystem::permissions(folder.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    const auto path = folder / "out.txt";
    CHECK(error_text([&] { AtomicFile{path}; }, path) == "cannot be written: Permission denied");
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}
