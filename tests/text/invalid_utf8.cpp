// SPDX-License-Identifier: MIT
// Bytes that are not UTF-8 are rejected, replaced or kept.
#include <lamina/text/invalid_utf8.hpp>

#include <lamina/text/documents.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

using Catch::Matchers::Contains;
using lamina::text::FileDocuments;
using lamina::text::InvalidUtf8;
using lamina_tests::joined;
using lamina_tests::TextFolder;

namespace {

std::string text_of(const std::filesystem::path& file, InvalidUtf8 policy) {
    return joined(FileDocuments(file, {.invalid_utf8 = policy})).at(0);
}

}  // namespace

TEST_CASE("an invalid byte is rejected with its offset and line", "[text]") {
    const TextFolder folder;
    CHECK_THROWS_AS(text_of(folder.file("a.txt", "ab\nc\xFFz"), InvalidUtf8::reject), lamina::FileError);
    CHECK_THROWS_WITH(
        text_of(folder.file("a.txt", "ab\nc\xFFz"), InvalidUtf8::reject),
        Contains("a.txt: invalid UTF-8: byte 0xff at offset 4, on line 2; convert the text with iconv -t UTF-8"));
    CHECK_THROWS_WITH(text_of(folder.file("a.txt", "ab\xE2\x82"), InvalidUtf8::reject),
                      Contains("byte 0xe2 at offset 2, on line 1"));
    CHECK_THROWS_WITH(text_of(folder.file("a.txt", "\xEF\xBB\xBF\xE2\x82"), InvalidUtf8::reject),
                      Contains("byte 0xe2 at offset 3, on line 1"));
    CHECK_THROWS_WITH(text_of(folder.file("a.gz", lamina_tests::gzipped("ab\xFF")), InvalidUtf8::reject),
                      Contains("byte 0xff at offset 2 of what is compressed, on line 1"));
    CHECK_THROWS_WITH(text_of(folder.file("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"\xC0\"}"), InvalidUtf8::reject),
                      Contains("a.jsonl: invalid UTF-8: byte 0xc0 at offset 24, on line 2"));
}

TEST_CASE("rejecting is what happens when nothing is said", "[text]") {
    const TextFolder folder;
    CHECK_THROWS_AS(joined(FileDocuments(folder.file("a.txt", "\x80"))), lamina::FileError);
}

TEST_CASE("invalid bytes are replaced, one mark per stretch that could have started a character", "[text]") {
    const TextFolder folder;
    CHECK(text_of(folder.file("a.txt", "a\xFF\xE2\x82z\xF0\x9F"), InvalidUtf8::replace) == "a\uFFFD\uFFFDz\uFFFD");
    CHECK(text_of(folder.file("a.jsonl", "{\"text\": \"a\xC0z\"}"), InvalidUtf8::replace) == "a\uFFFDz");
}

TEST_CASE("invalid bytes are kept", "[text]") {
    const TextFolder folder;
    const std::string bytes = "a\xFF\xE2\x82z\xF0\x9F";
    CHECK(text_of(folder.file("a.txt", bytes), InvalidUtf8::keep) == bytes);
    CHECK_THROWS_AS(text_of(folder.file("a", "{}"), InvalidUtf8::keep), lamina::ArgumentError);
}

TEST_CASE("a character that lies across two reads is valid", "[text]") {
    const TextFolder folder;
    // Longer than a read by far, with the characters at every offset from its end.
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::string text(shift, 'x');
        for (int i = 0; i < 50'000; ++i) text += "\U0001F600";
        CHECK(text_of(folder.file("a.txt", text), InvalidUtf8::reject) == text);
    }
}
