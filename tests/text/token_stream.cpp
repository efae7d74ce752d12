// SPDX-License-Identifier: MIT
// Documents become tokens, each followed by end-of-text, and no sooner than needed.
#include <lamina/text/token_stream.hpp>

#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/documents.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <range/v3/range/concepts.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/take.hpp>

using lamina::Token;
using lamina::text::ByteTokenizer;
using lamina::text::DocumentPiece;
using lamina::text::documents;
using lamina::text::token_stream;
using lamina_tests::shared_data;

namespace {

// Counts the pieces it is given.
struct CountingTokenizer : ByteTokenizer {
    int* encoded;
    explicit CountingTokenizer(int& count) : encoded(&count) {}
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        ++*encoded;
        ByteTokenizer::encode(text, tokens);
    }
};

// A tokenizer of which a text is not its pieces.
struct WholeTokenizer : CountingTokenizer {
    using CountingTokenizer::CountingTokenizer;
    [[nodiscard]] static bool encodes_in_pieces() { return false; }
};

const std::vector<DocumentPiece> pieces = {
    {.text = "ab", .ends_document = true}, {.text = "c", .ends_document = false}, {.text = "", .ends_document = false},
    {.text = "d", .ends_document = true},  {.text = "", .ends_document = true},   {.text = "e", .ends_document = true},
};

template <class T>
concept Streams = requires(T&& tokenizer) {
    token_stream(std::forward<T>(tokenizer));
};
static_assert(Streams<const ByteTokenizer&> && !Streams<ByteTokenizer>, "the view refers to the tokenizer");

}  // namespace

TEST_CASE("end-of-text follows every document, not every piece", "[text]") {
    const ByteTokenizer tokenizer;
    auto tokens = pieces | token_stream(tokenizer);
    static_assert(ranges::view_<decltype(tokens)> && ranges::input_range<decltype(tokens)>);
    CHECK(ranges::to<std::vector<Token>>(tokens) == std::vector<Token>{'a', 'b', 256, 'c', 'd', 256, 256, 'e', 256});
}

TEST_CASE("a piece is encoded when its first token is asked for", "[text]") {
    int encoded = 0;
    const CountingTokenizer tokenizer(encoded);
    auto tokens = pieces | token_stream(tokenizer);
    CHECK(encoded == 0);
    auto at = ranges::begin(tokens);
    CHECK(encoded == 1);
    ++at;
    ++at;
    CHECK(*at == 256);
    CHECK(encoded == 1);
    ++at;
    CHECK(*at == 'c');
    CHECK(encoded == 2);
}

TEST_CASE("a tokenizer that does not encode in pieces is given whole documents", "[text]") {
    int encoded = 0;
    const WholeTokenizer tokenizer(encoded);
    CHECK(ranges::to<std::vector<Token>>(pieces | token_stream(tokenizer)) ==
          std::vector<Token>{'a', 'b', 256, 'c', 'd', 256, 256, 'e', 256});
    CHECK(encoded == 4);
}

TEST_CASE("the corpora have the published numbers of tokens", "[text]") {
    struct Corpus {
        const char* file;
        std::size_t documents;
        std::size_t tokens;
    };
    const std::filesystem::path folder = shared_data("gpt2");
    if (!std::filesystem::exists(folder) || !std::filesystem::exists(shared_data("corpus"))) {
        LAMINA_SKIP("no GPT-2 vocabulary in " + folder.string() + " or no corpora beside it");
    }
    const auto tokenizer = lamina::text::Gpt2Tokenizer::from_folder(folder);
    for (const Corpus& corpus :
         {Corpus{"corpus/heldout/openwebtext.txt", 88, 86'018}, Corpus{"corpus/train/gutenberg.txt", 2, 210'293},
          Corpus{"corpus/heldout/wikipedia_en.txt", 40, 39'097},
          Corpus{"corpus/tinyshakespeare/input.txt", 1, 338'025}}) {
        std::size_t ends = 0;
        std::size_t others = 0;
        for (const Token token :
             documents({shared_data(corpus.file)}, {.piece_bytes = 4096}) | token_stream(tokenizer)) {
            ++(token == tokenizer.end_of_text() ? ends : others);
        }
        CAPTURE(corpus.file);
        CHECK(ends == corpus.documents);
        CHECK(others == corpus.tokens);
    }
}
