// SPDX-License-Identifier: MIT
#include <lamina/text/whole_text.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <utility>

using lamina::text::WholeText;
using lamina_tests::TextFolder;

TEST_CASE("whole text is the same from a file, compressed, and from a pipe, and stays where it is on a move",
          "[text]") {
    const TextFolder folder;
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + ' ';
    for (const std::string& stored : {text, lamina_tests::gzipped(text), lamina_tests::zstandard(text)}) {
        WholeText whole(folder.file("text", "\xEF\xBB\xBF" + text));
        const char* const before = whole.text().data();
        const WholeText moved = std::move(whole);
        CHECK(moved.text() == text);
        CHECK(moved.text().data() == before);
        const WholeText other(folder.file("text", stored));
        CHECK(other.text() == text);
    }
    const lamina_tests::FilledPipe pipe("a few words");
    WholeText piped(pipe.path());
    const WholeText moved = std::move(piped);
    CHECK(moved.text() == "a few words");
    CHECK(WholeText(folder.file("empty", "")).text().empty());
    CHECK_THROWS_AS(WholeText(folder.path() / "missing"), lamina::FileError);
}
