// SPDX-License-Identifier: MIT
// The bytes of text, however they are stored and wherever they come from.
#include <lamina/text/text_source.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <random>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::text::ForeignContent;
using lamina::text::TextSource;
using lamina_tests::FilledPipe;
using lamina_tests::gzipped;
using lamina_tests::TextFolder;
using lamina_tests::zstandard;

namespace {

std::string rest_of(TextSource& source, std::size_t at_once) {
    std::string text;
    std::string chunk(at_once, '\0');
    while (const std::size_t count = source.read(chunk)) text.append(chunk, 0, count);
    CHECK(source.read(chunk) == 0);
    return text;
}

std::string text_of(const std::filesystem::path& path, std::size_t at_once = 65536) {
    TextSource source(path);
    return rest_of(source, at_once);
}

// Hardly compressible, and longer than every buffer on the way.
std::string long_text() {
    std::mt19937 random(7);
    std::string text;
    for (int i = 0; i < 60'000; ++i) text += std::to_string(random()) + "\n";
    return text;
}

std::string error_of(const std::filesystem::path& path) {
    try {
        static_cast<void>(text_of(path));
    } catch (const FileError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("text is the same plain and compressed, however much is read at once", "[text]") {
    const TextFolder folder;
    const std::string text = long_text();
    for (const std::string& stored : {text, gzipped(text), zstandard(text)}) {
        const auto path = folder.file("corpus", stored);
        CHECK(text_of(path) == text);
        CHECK(text_of(path, 1'000'000) == text);
    }
    const std::string some = text.substr(0, 9000);
    for (const std::string& stored : {some, gzipped(some), zstandard(some)}) {
        CHECK(text_of(folder.file("corpus", stored), 7) == some);
    }
}

TEST_CASE("members and frames that follow each other are one text", "[text]") {
    const TextFolder folder;
    const std::string text = long_text();
    const std::string zeros(70'000, '\0');
    CHECK(text_of(folder.file("a", gzipped("one ") + gzipped("") + gzipped(text))) == "one " + text);
    CHECK(text_of(folder.file("a", gzipped("one") + zeros)) == "one");
    const std::string skipped("\x50\x2A\x4D\x18\x03\0\0\0abc", 11);
    CHECK(text_of(folder.file("a", skipped + zstandard("one ") + skipped + zstandard("") + zstandard(text))) ==
          "one " + text);
    CHECK(text_of(folder.file("a", gzipped(""))).empty());
    CHECK(text_of(folder.file("a", zstandard(""))).empty());
    CHECK(text_of(folder.file("a", "")).empty());
}

TEST_CASE("a pipe is opened once, whatever it holds", "[text]") {
    const std::string text = long_text().substr(0, 20'000);
    for (const std::string& stored : {text, gzipped(text), zstandard(text)}) {
        const FilledPipe pipe(stored);
        CHECK(text_of(pipe.path()) == text);
    }
}

TEST_CASE("compressed text that was cut off is named, wherever it was", "[text]") {
    const TextFolder folder;
    for (const std::string& whole : {gzipped("one two three"), gzipped("one") + gzipped("two")}) {
        for (std::size_t size = 4; size < whole.size(); ++size) {
            if (size == gzipped("one").size()) continue;  // all of the first member
            CHECK_THAT(
                error_of(folder.file("cut", whole.substr(0, size))),
                Contains("cut: ends within its gzip data, after " + std::to_string(size) + " bytes; it was cut off"));
        }
    }
    const std::string whole = zstandard("one two three");
    for (std::size_t size = 4; size < whole.size(); ++size) {
        CHECK_THAT(error_of(folder.file("cut", whole.substr(0, size))), Contains("cut: ends within its zstd data"));
    }
}

TEST_CASE("compressed text that is damaged is named", "[text]") {
    const TextFolder folder;
    const std::string text = long_text();
    const auto damaged = [&folder](std::string bytes, std::size_t place) {
        bytes[place] = static_cast<char>(bytes[place] ^ 0x55);
        return error_of(folder.file("bad", bytes));
    };
    const std::string zipped = gzipped(text);
    CHECK_THAT(damaged(zipped, zipped.size() / 2), Contains("bad: has damaged gzip data, after "));
    CHECK_THAT(damaged(zipped, zipped.size() - 6), Contains("(incorrect data check)"));
    CHECK_THAT(error_of(folder.file("bad", gzipped("one") + "more")),
               Contains("bad: has something else behind its gzip data, after " + std::to_string(gzipped("one").size()) +
                        " bytes"));
    const std::string framed = zstandard(text);
    CHECK_THAT(damaged(framed, framed.size() / 2), Contains("bad: has damaged zstd data, after "));
    CHECK_THAT(damaged(framed, framed.size() - 1), Contains("(Restored data doesn't match checksum)"));
    CHECK_THAT(error_of(folder.file("bad", zstandard("one") + "more")), Contains("bad: has damaged zstd data"));
}

TEST_CASE("what is no text is refused, compressed or not, unless it is said to be text", "[text]") {
    const TextFolder folder;
    CHECK(error_of(folder.file("a.txt", "PAR1\x15\x04\xFF")) ==
          (folder.path() / "a.txt").string() +
              ": is a Parquet file, not plain text; write its text as JSON Lines, one {\"text\": ...} a line");
    CHECK_THAT(error_of(folder.file("a.gz", gzipped("PK\x03\x04"))),
               Contains("a.gz: is a gzip file that holds a zip archive, not plain text; unpack it with unzip"));
    CHECK_THAT(error_of(folder.file("a.zst", zstandard(gzipped("text")))),
               Contains("is a zstd file that holds a gzip file, not plain text; decompress it with gzip -d"));
    TextSource kept(folder.file("page.txt", "<html> is how a page begins"), ForeignContent::keep);
    CHECK(rest_of(kept, 100) == "<html> is how a page begins");
    TextSource inner(folder.file("page.gz", gzipped("<html>")), ForeignContent::keep);
    CHECK(rest_of(inner, 100) == "<html>");
    CHECK(inner.compressed());
}

TEST_CASE("a byte order mark is no part of the text, and the first bytes are the text's", "[text]") {
    const TextFolder folder;
    for (const std::string& stored :
         {std::string("\xEF\xBB\xBFtext\xEF\xBB\xBF"), gzipped("\xEF\xBB\xBFtext\xEF\xBB\xBF")}) {
        TextSource source(folder.file("a.txt", stored));
        CHECK(source.first_bytes() == "text\xEF\xBB\xBF");
        CHECK(source.passed_over() == 3);
        CHECK(rest_of(source, 5) == "text\xEF\xBB\xBF");
    }
    CHECK(TextSource(folder.file("a.txt", "text")).passed_over() == 0);
}

TEST_CASE("what cannot be opened or read is an error", "[text]") {
    const TextFolder folder;
    CHECK_THAT(error_of(folder.path() / "missing"), Contains("missing: cannot be opened: No such file"));
    std::filesystem::create_symlink("../blobs/4d7a", folder.path() / "link");
    CHECK_THAT(error_of(folder.path() / "link"), Contains("link: is a symbolic link to \"../blobs/4d7a\", which"));
    CHECK_THAT(error_of(folder.path()), Contains("cannot be read: it is a folder, name the files in it"));
}
