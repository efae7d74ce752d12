// SPDX-License-Identifier: MIT
// The GPT-2 tokenizer: a vocabulary small enough to work out by hand, the published vectors, and files that do not fit.
#include <lamina/text/gpt2_tokenizer.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::Token;
using lamina::text::EndOfTextLiteral;
using lamina::text::Gpt2Tokenizer;
using lamina_tests::shared_data;
using lamina_tests::small_end_of_text;
using lamina_tests::small_merges;
using lamina_tests::small_vocabulary;
using lamina_tests::TextFolder;

using Ids = std::vector<Token>;

namespace {

Gpt2Tokenizer small_tokenizer() {
    const TextFolder folder;
    folder.file("vocab.json", small_vocabulary());
    folder.file("merges.txt", small_merges);
    return Gpt2Tokenizer::from_folder(folder.path());
}

// Makes a tokenizer of these two files, for its error.
void make(const std::string& vocabulary, std::string_view merges) {
    const TextFolder folder;
    Gpt2Tokenizer({.vocabulary = folder.file("vocab.json", vocabulary), .merges = folder.file("merges.txt", merges)});
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
}

// Every {"text", "ids"} line of a file of vectors.
void check_vectors(const Gpt2Tokenizer& tokenizer, const std::filesystem::path& file, std::size_t expected_count) {
    std::ifstream lines(file);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const nlohmann::json vector = nlohmann::json::parse(line);
        const auto text = vector["text"].get<std::string>();
        CAPTURE(line);
        const Ids ids = tokenizer.encode(text);
        CHECK(ids == vector["ids"].get<Ids>());
        CHECK(tokenizer.decode(ids) == text);
    }
    CHECK(count == expected_count);
}

}  // namespace

TEST_CASE("pieces that are tokens and pieces that are not are merged by rank", "[text]") {
    const Gpt2Tokenizer tokenizer = small_tokenizer();
    CHECK(tokenizer.vocab_size() == 266);
    CHECK(tokenizer.end_of_text() == small_end_of_text);
    CHECK(tokenizer.encode("hello world") == Ids{259, 264});
    CHECK(tokenizer.encode("hell") == Ids{258});
    CHECK(tokenizer.encode("world") == Ids{86, 261, 263});  // w or ld: without its space it is not "Ġworld"
    CHECK(tokenizer.encode("llll") == Ids{257, 257});
    CHECK(tokenizer.encode("hellll") == Ids{258, 257});
    CHECK(tokenizer.encode("").empty());
}

TEST_CASE("single bytes have the ids of the published order", "[text]") {
    const Gpt2Tokenizer tokenizer = small_tokenizer();
    CHECK(tokenizer.encode("!") == Ids{0});
    CHECK(tokenizer.encode(" ") == Ids{220});
    CHECK(tokenizer.encode("\n") == Ids{198});
    CHECK(tokenizer.encode("\xFF") == Ids{187});
}

TEST_CASE("encode appends", "[text]") {
    Ids tokens = {7};
    small_tokenizer().encode("hello", tokens);
    CHECK(tokens == Ids{7, 259});
}

TEST_CASE("the end-of-text literal is a token or text, as chosen", "[text]") {
    const Gpt2Tokenizer special = small_tokenizer();
    CHECK(special.encode("hello<|endoftext|>hello") == Ids{259, small_end_of_text, 259});
    CHECK(special.encode("<|endoftext|><|endoftext|>") == Ids{small_end_of_text, small_end_of_text});
    CHECK(special.encode("<|endoftext").size() == 11);

    const Gpt2Tokenizer ordinary = special.with(EndOfTextLiteral::ordinary);
    CHECK(ordinary.encode("<|endoftext|>").size() == 13);
    CHECK(ordinary.decode(ordinary.encode("<|endoftext|>")) == "<|endoftext|>");
    CHECK(special.decode(Ids{small_end_of_text}) == "<|endoftext|>");
}

TEST_CASE("any bytes survive encoding and decoding", "[text]") {
    const Gpt2Tokenizer tokenizer = small_tokenizer();
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        std::string bytes(random() % 200, '\0');
        // Half of the rounds draw from a few bytes only, so that merges, spaces and cut-off characters are frequent.
        constexpr std::string_view few = "helo wrd\n'\xC3\xA9\xE2\x80\x83\xF0\x9F";
        for (char& byte : bytes) {
            byte = round % 2 == 0 ? static_cast<char>(random() & 0xFFU) : few[random() % few.size()];
        }
        CHECK(tokenizer.decode(tokenizer.encode(bytes)) == bytes);
    }
}

TEST_CASE("a piece of any length takes about linear time", "[text]") {
    const Gpt2Tokenizer tokenizer = small_tokenizer();
    CHECK(tokenizer.encode(std::string(400'000, 'l')).size() == 200'000);
}

TEST_CASE("decode names a token that is not in the vocabulary", "[text]") {
    const Gpt2Tokenizer tokenizer = small_tokenizer();
    CHECK_THROWS_AS(tokenizer.decode(Ids{266}), lamina::ArgumentError);
    CHECK_THROWS_WITH(tokenizer.decode(Ids{-1}), "token -1 is not in the vocabulary of 266");
}

TEST_CASE("both published pairs of file names are found", "[text]") {
    const TextFolder folder;
    folder.file("encoder.json", small_vocabulary());
    CHECK_THROWS_WITH(Gpt2Tokenizer::from_folder(folder.path()), Contains("found encoder.json without vocab.bpe"));
    folder.file("vocab.bpe", small_merges);
    CHECK(Gpt2Tokenizer::from_folder(folder.path()).encode("hello") == Ids{259});

    const TextFolder empty;
    CHECK_THROWS_AS(Gpt2Tokenizer::from_folder(empty.path()), FileError);
    CHECK_THROWS_WITH(Gpt2Tokenizer::from_folder(empty.path()),
                      Contains("expected tokenizer.json, or vocab.json and merges.txt"));
    CHECK(Gpt2Tokenizer::is_in(folder.path()));
    CHECK_FALSE(Gpt2Tokenizer::is_in(empty.path()));
    CHECK_FALSE(Gpt2Tokenizer::is_in(""));
    empty.file("vocab.json", "");
    CHECK(Gpt2Tokenizer::is_in(empty.path()));
}

TEST_CASE("a tokenizer fits models with rows to spare, and without rows for tokens that no text becomes", "[text]") {
    const TextFolder folder;
    folder.file("vocab.json", small_vocabulary());
    folder.file("merges.txt", small_merges);
    folder.file("added_tokens.json", R"({"<a>": 266, "<b>": 267})");
    const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder.path());
    CHECK(tokenizer.encode("<a><b>") == Ids{266, 267});

    const Gpt2Tokenizer padded = tokenizer.with_vocab_size(384);
    CHECK(padded.vocab_size() == 384);
    CHECK(padded.encode("<a><b>") == Ids{266, 267});
    CHECK(padded.decode(Ids{259, 383, 264}) == "hello world");
    CHECK_THROWS_WITH(padded.decode(Ids{384}), "token 384 is not in the vocabulary of 384");

    const Gpt2Tokenizer cut = tokenizer.with_vocab_size(267);
    CHECK(cut.encode("<a>") == Ids{266});
    CHECK(cut.encode("<b>").size() == 3);
    CHECK(cut.decode(cut.encode("<a><b>")) == "<a><b>");
    CHECK_THROWS_AS(cut.decode(Ids{267}), lamina::ArgumentError);

    CHECK_NOTHROW(tokenizer.with_vocab_size(266));
    CHECK_THROWS_AS(tokenizer.with_vocab_size(265), lamina::ArgumentError);
    CHECK_THROWS_WITH(tokenizer.with_vocab_size(257),
                      "the tokenizer needs 266 tokens, expected at most 257, as the model has");
}

TEST_CASE("tokenizer.json encodes as the library that wrote it", "[text]") {
    for (const std::string name : {"plain", "added", "prefix", "unknown"}) {
        CAPTURE(name);
        const std::filesystem::path folder = std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "byte_level" / name;
        const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder);
        CHECK(tokenizer.end_of_text() == 0);
        CHECK(tokenizer.vocab_size() == (name == "unknown" ? 120U : name == "added" ? 352U : 340U));
        CHECK(tokenizer.encodes_in_pieces() == (name == "plain" || name == "unknown"));
        std::ifstream file(folder / "vectors.json");
        const nlohmann::json vectors = nlohmann::json::parse(file);
        CHECK(vectors.size() == 124);
        for (const nlohmann::json& vector : vectors) {
            CAPTURE(vector.dump());
            const auto text = vector["text"].get<std::string>();
            const Ids ids = tokenizer.encode(text);
            CHECK(ids == vector["ids"].get<Ids>());
            if (name == "plain") CHECK(tokenizer.decode(ids) == text);
        }
    }
}

TEST_CASE("a version line, carriage returns and a missing last newline are no part of the merges", "[text]") {
    std::string merges;
    for (const char c : small_merges.substr(0, small_merges.size() - 1))
        merges += c == '\n' ? std::string("\r\n") : std::string(1, c);
    CHECK_NOTHROW(make(small_vocabulary(), merges));
    CHECK_NOTHROW(make(small_vocabulary(), small_merges.substr(small_merges.find('\n') + 1)));
}

TEST_CASE("a byte order mark and empty lines are no part of the merges", "[text]") {
    const std::string merges = replaced(std::string(small_merges), "he ll\n", "\nhe ll\n\r\n");
    const TextFolder folder;
    folder.file("vocab.json", "\xEF\xBB\xBF" + small_vocabulary());
    folder.file("merges.txt", "\xEF\xBB\xBF" + merges + "\n\n");
    CHECK(Gpt2Tokenizer::from_folder(folder.path()).encode("hello world") == Ids{259, 264});
    folder.file("merges.txt", "\n" + merges);
    CHECK(Gpt2Tokenizer::from_folder(folder.path()).encode("hello world") == Ids{259, 264});
}

TEST_CASE("special entries need no merge", "[text]") {
    for (const char* const entry : {"<|pad|>", "<pad>", "[PAD]"}) {
        CAPTURE(entry);
        CHECK_NOTHROW(make(small_vocabulary({entry}), small_merges));
    }
    // Nothing says that it is more than text in a text; it has its id all the same.
    const TextFolder folder;
    folder.file("vocab.json", small_vocabulary({"[PAD]"}));
    folder.file("merges.txt", small_merges);
    const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder.path());
    CHECK(tokenizer.vocab_size() == 267);
    CHECK(tokenizer.encode("[PAD]").size() == 5);
    CHECK(tokenizer.decode(Ids{265}) == "[PAD]");
    // Behind the end of text, which is the last of GPT-2's, come only entries that somebody appended.
    std::string vocabulary = small_vocabulary();
    vocabulary.replace(vocabulary.size() - 1, 1, ", \"PAD\": 266, \"two words\": 267}");
    folder.file("vocab.json", vocabulary);
    CHECK(Gpt2Tokenizer::from_folder(folder.path()).decode(Ids{266, 267}) == "PADtwo words");
    CHECK_THROWS_WITH(make(vocabulary, replaced(std::string(small_merges), "Ġwor ld\n", "")), Contains("entry 264"));
}

TEST_CASE("a vocabulary and merges that do not fit are refused with what is missing", "[text]") {
    const std::string vocabulary = small_vocabulary();
    const std::string merges(small_merges);
    CHECK_THROWS_AS(make(vocabulary, merges + "x y\n"), FileError);
    CHECK_THROWS_WITH(make(vocabulary, merges + "x y\n"),
                      Contains("vocab.json: no entry \"xy\", which line 11 of merges.txt makes"));
    CHECK_THROWS_WITH(
        make(vocabulary, replaced(merges, "Ġwor ld\n", "")),
        Contains("merges.txt: no line makes \"\\xc4\\xa0world\", entry 264 of vocab.json; is the file cut short?"));
    CHECK_THROWS_WITH(make(small_vocabulary({"spare"}), merges), Contains("no line makes \"spare\", entry 265"));
    CHECK_THROWS_WITH(make(vocabulary, "he ll\nh e\n"),
                      Contains("merges.txt: line 1: \"he\" is neither a byte nor made by an earlier line"));
    CHECK_THROWS_WITH(make(vocabulary, merges + "h e\n"), Contains("line 11: \"h e\" stands on an earlier line"));
    CHECK_THROWS_WITH(make(replaced(vocabulary, "\"Ā\"", "\"<|x|>\""), merges),
                      Contains("vocab.json: no entry \"\\xc4\\x80\" for byte 0"));
    CHECK_THROWS_WITH(make(replaced(vocabulary, "<|endoftext|>", "<|end|>"), merges),
                      Contains("no entry \"<|endoftext|>\""));
}

TEST_CASE("what a hostile vocabulary or merges file holds does not reach the terminal", "[text]") {
    const std::string vocabulary = small_vocabulary();
    const std::string filling(10'000, 'x');
    const std::string hostile = "\x1B[2J" + filling;
    const std::string escaped = "\\u001b[2J" + filling;  // as JSON needs it
    const auto text_of = [](const std::string& entries, std::string_view merges) -> std::string {
        try {
            make(entries, merges);
        } catch (const FileError& error) {
            return error.what();
        }
        return "no error";
    };
    for (const std::string& text : {text_of("{\"" + escaped + "\": -1}", small_merges),
                                    text_of("{\"a\": \"" + escaped + "\u202e\"}", small_merges),
                                    text_of(replaced(vocabulary, "hello", escaped), small_merges),
                                    text_of(vocabulary, hostile), text_of(vocabulary, "h " + hostile + "\n")}) {
        CAPTURE(text);
        CHECK(text != "no error");
        CHECK(text.size() < 1000);
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    }
}

TEST_CASE("files that are not a vocabulary or merges are refused", "[text]") {
    const std::string vocabulary = small_vocabulary();
    CHECK_THROWS_WITH(make("{\"a\": 0,", small_merges), Contains("vocab.json: malformed JSON at byte 9"));
    CHECK_THROWS_WITH(make("{\"a\": " + std::string(100'000, '['), small_merges),
                      Contains("vocab.json: is nested deeper than 64 levels"));
    CHECK_THROWS_AS(make("{\"a\": 1e999}", small_merges), FileError);
    CHECK_THROWS_WITH(make("{\"a\": 1e999}", small_merges),
                      Contains("vocab.json: malformed JSON: number overflow parsing '1e999'"));
    CHECK_THROWS_WITH(make("[1]", small_merges), Contains("expected a JSON object"));
    CHECK_THROWS_WITH(make("{\"a\": \"b\"}", small_merges), Contains("the id of \"a\" is \"b\""));
    CHECK_THROWS_WITH(make("{\"a\": -1}", small_merges), Contains("the id of \"a\" is -1"));
    CHECK_THROWS_WITH(make("{\"a\": 5}", small_merges), Contains("expected an integer below 1"));
    CHECK_THROWS_WITH(make("{\"a\": 0, \"b\": 0}", small_merges), Contains("\"a\" and \"b\" have the same id 0"));
    CHECK_THROWS_WITH(make(replaced(vocabulary, "hello", "h o"), small_merges),
                      Contains("entry \"h o\" has a character that stands for no byte"));
    CHECK_THROWS_WITH(make(vocabulary, "h e\nhello\n"), Contains("line 2: found \"hello\", expected two symbols"));
    CHECK_THROWS_WITH(make(vocabulary, "h e l\n"), Contains("line 1: found \"h e l\""));
    CHECK_THROWS_WITH(make(vocabulary, "h e\n\nhello\n"), Contains("line 3: found \"hello\""));
    CHECK_THROWS_WITH(Gpt2Tokenizer({.vocabulary = "/no/such/vocab.json", .merges = "/no/such/merges.txt"}),
                      Contains("/no/such/vocab.json: cannot be opened"));
    const TextFolder folder;
    CHECK_THROWS_AS(Gpt2Tokenizer({.vocabulary = folder.path(), .merges = folder.path()}), FileError);
    CHECK_THROWS_WITH(make("", small_merges), Contains("vocab.json: is empty, expected JSON"));
}

TEST_CASE("GPT-2's published vectors pass", "[text]") {
    const std::filesystem::path folder = shared_data("gpt2");
    if (!std::filesystem::exists(folder)) LAMINA_SKIP("no GPT-2 vocabulary in " + folder.string());
    const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder, EndOfTextLiteral::ordinary);
    CHECK(tokenizer.vocab_size() == 50257);
    CHECK(tokenizer.end_of_text() == 50256);
    check_vectors(tokenizer, folder / "bpe_vectors.jsonl", 170);
    check_vectors(tokenizer, folder / "bpe_vectors_extra.jsonl", 418);
}

TEST_CASE("GPT-2's published vectors pass from a tokenizer.json", "[text]") {
    const std::filesystem::path data = shared_data("gpt2");
    if (!std::filesystem::exists(data)) LAMINA_SKIP("no GPT-2 vocabulary in " + data.string());
    std::ifstream encoder(data / "encoder.json");
    std::ifstream lines(data / "vocab.bpe");
    nlohmann::json whole = lamina_tests::small_tokenizer_json();
    whole["added_tokens"][0]["id"] = 50256;
    whole["model"]["vocab"] = nlohmann::json::parse(encoder);
    nlohmann::json& merges = whole["model"]["merges"] = nlohmann::json::array();
    std::string line;
    std::getline(lines, line);  // its version
    while (std::getline(lines, line)) merges.push_back(line);
    const TextFolder folder;
    folder.file("tokenizer.json", whole.dump());
    const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder.path());
    CHECK(tokenizer.vocab_size() == 50257);
    CHECK(tokenizer.end_of_text() == 50256);
    CHECK(tokenizer.encode("<|endoftext|>") == Ids{50256});
    const Gpt2Tokenizer ordinary = tokenizer.with(EndOfTextLiteral::ordinary);
    check_vectors(ordinary, data / "bpe_vectors.jsonl", 170);
    check_vectors(ordinary, data / "bpe_vectors_extra.jsonl", 418);
}

TEST_CASE("GPT-2's special vectors pass", "[text]") {
    const std::filesystem::path folder = shared_data("gpt2");
    const std::filesystem::path vectors = shared_data("../reference/bpe_vectors.json");
    if (!std::filesystem::exists(folder) || !std::filesystem::exists(vectors)) {
        LAMINA_SKIP("no GPT-2 vocabulary in " + folder.string() + " or no " + vectors.string());
    }
    const Gpt2Tokenizer tokenizer = Gpt2Tokenizer::from_folder(folder);
    std::ifstream file(vectors);
    const nlohmann::json all = nlohmann::json::parse(file)["vectors"];
    CHECK(all.size() == 50);
    for (const nlohmann::json& vector : all) {
        CAPTURE(vector.dump());
        CHECK(tokenizer.encode(vector["text"].get<std::string>()) == vector["ids"].get<Ids>());
    }
}
