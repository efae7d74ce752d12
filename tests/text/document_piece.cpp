// SPDX-License-Identifier: MIT
// A long document comes in pieces that make no difference to its tokens.
#include <lamina/text/document_piece.hpp>

#include <lamina/text/detail/pretokenizer.hpp>
#include <lamina/text/documents.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <random>

using lamina::text::DocumentPiece;
using lamina::text::FileDocuments;
using lamina_tests::TextFolder;

namespace {

constexpr std::size_t shortest_piece = 64;

std::vector<DocumentPiece> pieces_of(const TextFolder& folder, std::string_view content) {
    std::vector<DocumentPiece> found;
    for (const DocumentPiece& piece :
         FileDocuments(folder.file("corpus.txt", content), {.piece_bytes = shortest_piece})) {
        found.push_back(piece);
    }
    return found;
}

void append_pretokens(std::string_view text, std::vector<std::string>& pretokens) {
    while (!text.empty()) {
        const std::size_t length = lamina::text::detail::first_piece_length(text);
        pretokens.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

}  // namespace

TEST_CASE("the pieces of a document are bounded and make it up", "[text]") {
    const TextFolder folder;
    std::string document;
    for (int i = 0; i < 500; ++i) document += "word" + std::to_string(i) + (i % 7 == 0 ? "\n\n" : " ");
    const std::vector<DocumentPiece> pieces = pieces_of(folder, document + "\n<|endoftext|>\nshort\n");
    std::string together;
    std::size_t ends = 0;
    for (const DocumentPiece& piece : pieces) {
        CHECK(piece.text.size() <= shortest_piece);
        if (ends == 0) together += piece.text;
        ends += piece.ends_document ? 1 : 0;
    }
    CHECK(together == document);
    CHECK(ends == 2);
    CHECK(pieces.back().text == "short\n");
}

TEST_CASE("pieces have the pretokens of the whole", "[text]") {
    const TextFolder folder;
    std::mt19937 random(5);
    const std::vector<std::string> parts = {" ",  "  ", "\n", "\n\n",   " \n",    "\t",     "a",         "word",
                                            "42", ".",  "'s", "\u00E9", "\u2003", "\u3000", "\U0001F600"};
    for (int round = 0; round < 100; ++round) {
        std::string document = "x";
        for (int i = 0; i < 400; ++i) document += parts[random() % parts.size()];
        std::vector<std::string> whole;
        append_pretokens(document, whole);
        std::vector<std::string> in_pieces;
        for (const DocumentPiece& piece : pieces_of(folder, document)) append_pretokens(piece.text, in_pieces);
        CHECK(in_pieces == whole);
    }
}

TEST_CASE("text without white space is cut between characters", "[text]") {
    const TextFolder folder;
    std::string document;
    for (int i = 0; i < 100; ++i) document += "\u20AC";
    const std::vector<DocumentPiece> pieces = pieces_of(folder, document);
    CHECK(pieces.size() == 5);
    std::string together;
    for (const DocumentPiece& piece : pieces) {
        CHECK(piece.text.size() % 3 == 0);
        together += piece.text;
    }
    CHECK(together == document);
}

TEST_CASE("a separator is found wherever a piece ends", "[text]") {
    const TextFolder folder;
    for (std::size_t length = 1; length < 4 * shortest_piece; ++length) {
        for (const char filler : {'x', ' ', '\n'}) {
            const std::string first = "y" + std::string(length, filler);
            const auto found = pieces_of(folder, first + "\n<|endoftext|>\nsecond");
            CHECK(lamina_tests::joined(found) == std::vector<std::string>{first, "second"});
        }
    }
}
