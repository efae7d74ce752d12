// SPDX-License-Identifier: MIT
// tokenizer.json: what is read from it, and what is refused by name.
#include <lamina/text/gpt2_tokenizer.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::text::Gpt2Tokenizer;
using lamina_tests::small_end_of_text;
using lamina_tests::small_tokenizer_json;
using lamina_tests::TextFolder;
using nlohmann::json;

using Ids = std::vector<lamina::Token>;

namespace {

constexpr const char* gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Gpt2Tokenizer tokenizer_of(const json& whole) {
    const TextFolder folder;
    folder.file("tokenizer.json", whole.dump());
    return Gpt2Tokenizer::from_folder(folder.path());
}

/// The tokenizer of the small file after an edit.
Gpt2Tokenizer edited(const std::function<void(json&)>& edit) {
    json whole = small_tokenizer_json();
    edit(whole);
    return tokenizer_of(whole);
}

/// The message for the small file with one value replaced.
std::string refusal(const std::string& place, const json& value) {
    json whole = small_tokenizer_json();
    whole[json::json_pointer(place)] = value;
    try {
        tokenizer_of(whole);
    } catch (const FileError& error) {
        return error.what();
    }
    return "no error";
}

json split(const std::string& pattern, const std::string& behavior, bool invert) {
    return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}};
}

json sequence(const json& steps) { return {{"type", "Sequence"}, {"pretokenizers", steps}}; }

}  // namespace

TEST_CASE("a file as it is written, and one of the least that says as much, are the same tokenizer", "[text]") {
    json least = {
        {"added_tokens", small_tokenizer_json()["added_tokens"]},
        {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
        {"model",
         {{"vocab", small_tokenizer_json()["model"]["vocab"]}, {"merges", small_tokenizer_json()["model"]["merges"]}}}};
    for (const Gpt2Tokenizer& tokenizer : {tokenizer_of(small_tokenizer_json()), tokenizer_of(least)}) {
        CHECK(tokenizer.vocab_size() == 266);
        CHECK(tokenizer.end_of_text() == small_end_of_text);
        CHECK(tokenizer.encode("hello world<|endoftext|>hell") == Ids{259, 264, small_end_of_text, 258});
    }
    // Only a file's added tokens are more than text in a text.
    least.erase("added_tokens");
    CHECK(tokenizer_of(least).end_of_text() == small_end_of_text);
    CHECK(tokenizer_of(least).encode("<|endoftext|>").size() == 13);
}

TEST_CASE("sequences that amount to a byte-level pre-tokenizer are read", "[text]") {
    const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    json with_space = bytes;
    with_space["add_prefix_space"] = true;
    const auto encoded = [](const json& pre_tokenizer) {
        return edited([&](json& whole) { whole["pre_tokenizer"] = pre_tokenizer; }).encode("hello worlds");
    };
    const Ids in_words = tokenizer_of(small_tokenizer_json()).encode("hello worlds");
    CHECK(in_words == Ids{259, 264, 82});
    CHECK(encoded(sequence({split(gpt2_pattern, "Isolated", false), bytes})) == in_words);
    CHECK(encoded(sequence({split(gpt2_pattern, "Removed", true), bytes})) == in_words);
    CHECK(encoded(sequence(json::array({small_tokenizer_json()["pre_tokenizer"]}))) == in_words);
    CHECK(encoded(with_space) == Ids{220, 259, 264, 82});

    const auto refused = [](const json& steps) { return refusal("/pre_tokenizer", sequence(steps)); };
    CHECK_THAT(refused({split(gpt2_pattern, "Isolated", false), with_space}), Contains("add_prefix_space"));
    CHECK_THAT(refused({split(gpt2_pattern, "Removed", false), bytes}), Contains("with behavior \"Removed\""));
    CHECK_THAT(refused({split("\\d", "Isolated", false), bytes}), Contains("expected GPT-2's pattern"));
    CHECK_THAT(refused({{{"type", "Digits"}, {"individual_digits", true}}, bytes}),
               Contains("field \"pre_tokenizer\" has 2 steps, the first \"Digits\", expected \"ByteLevel\""));
    CHECK_THAT(refused(json::array()), Contains("field \"pre_tokenizer\" is missing"));
    CHECK_THAT(refusal("/pre_tokenizer/pattern", 1), Contains("no error"));  // a field that nobody reads
}

TEST_CASE("merges that are pairs, out of order or of what is never made are taken as they are", "[text]") {
    const Gpt2Tokenizer tokenizer = edited([](json& whole) {
        json& merges = whole["model"]["merges"];
        merges[0] = {"h", "e"};
        std::swap(merges[2], merges[3]);  // "hell o" before "he ll" makes "hell"
        merges.erase(5);                  // without "o r" nothing makes "Ġwor", nor "Ġworld"
    });
    CHECK(tokenizer.encode("hello") == Ids{259});
    CHECK(tokenizer.encode(" world") == Ids{260, 78, 81, 263});
}

TEST_CASE("a whole entry comes before merges if the file says so", "[text]") {
    const Gpt2Tokenizer tokenizer = edited([](json& whole) {
        whole["model"]["ignore_merges"] = true;
        whole["model"]["merges"] = json::array({"h e"});
    });
    CHECK(tokenizer.encode("hello hello") == Ids{259, 220, 256, 75, 75, 78});
}

TEST_CASE("bytes without an entry become the unknown token, or nothing", "[text]") {
    const auto without_x = [](const json& unknown, bool fused) {
        return edited([&](json& whole) {
            json vocabulary = json::object();
            for (const auto& [entry, id] : whole["model"]["vocab"].items()) {
                // "x" and "y" are 87 and 88; other entries move up.
                const auto old = id.get<int>();
                if (old != 87 && old != 88) vocabulary[entry] = old > 88 ? old - 2 : old;
            }
            whole["model"]["vocab"] = vocabulary;
            whole["model"]["unk_token"] = unknown;
            whole["model"]["fuse_unk"] = fused;
            whole["added_tokens"][0]["id"] = small_end_of_text - 2;
        });
    };
    CHECK(without_x(nullptr, false).encode("axyb") == Ids{64, 65});
    CHECK(without_x("?", false).encode("axyb") == Ids{64, 30, 30, 65});
    CHECK(without_x("?", true).encode("axyb") == Ids{64, 30, 65});
    CHECK_THROWS_WITH(without_x("[UNK]", false),
                      Contains("field \"model.unk_token\" is \"[UNK]\", expected an entry of model.vocab, which has no "
                               "\"x\" for byte 120"));
}

TEST_CASE("added tokens have the ids that the library gives them", "[text]") {
    const json token = small_tokenizer_json()["added_tokens"][0];
    const auto with_token = [&](const char* content, int id) {
        return edited([&](json& whole) {
            json more = token;
            more["content"] = content;
            more["id"] = id;
            whole["added_tokens"].push_back(more);
        });
    };
    CHECK(with_token("caf\u00E9", 266).decode(Ids{266}) == "caf\u00E9");
    CHECK(with_token("caf\u00E9", 266).encode("hellocaf\u00E9") == Ids{259, 266});
    CHECK(with_token("hello", 259).encode("hello") == Ids{259});
    CHECK(with_token("<|endoftext|>", small_end_of_text).vocab_size() == 266);
    CHECK_THROWS_WITH(with_token("<m>", 9000),
                      Contains("field \"added_tokens[1].id\" is 9000, expected 266, the first that is free"));
    CHECK_THROWS_WITH(with_token("<m>", 5), Contains("is 5, expected 266"));
    CHECK_THROWS_WITH(with_token("hello", 266), Contains("is 266, expected 259, which the vocabulary gives it"));
    CHECK_THROWS_WITH(with_token("", 266), Contains("field \"added_tokens[1].content\" is empty"));
}

TEST_CASE("what is not byte-level BPE is refused by its name", "[text]") {
    CHECK_THAT(
        refusal("/model/type", "WordPiece"),
        Contains("tokenizer.json: field \"model.type\" is \"WordPiece\", expected \"BPE\"; only byte-level BPE is "
                 "read: encode texts with the model's own tools, and give the tokens"));
    CHECK_THAT(refusal("/model/type", "Unigram"), Contains("is \"Unigram\""));
    CHECK_THAT(refusal("/model", {{"type", "WordLevel"}, {"vocab", json::object()}}), Contains("is \"WordLevel\""));
    CHECK_THAT(refusal("/normalizer", {{"type", "NFC"}}),
               Contains("field \"normalizer\" is \"NFC\", expected null; only byte-level BPE is read"));
    CHECK_THAT(refusal("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Lowercase"}}}}}),
               Contains("field \"normalizer\" is \"Lowercase\""));
    CHECK_THAT(refusal("/normalizer", {{"type", "Sequence"}, {"normalizers", json::array()}}), Contains("no error"));
    CHECK_THAT(refusal("/pre_tokenizer", {{"type", "Metaspace"}}),
               Contains("field \"pre_tokenizer.type\" is \"Metaspace\", expected \"ByteLevel\""));
    CHECK_THAT(refusal("/pre_tokenizer", nullptr), Contains("field \"pre_tokenizer\" is missing"));
    CHECK_THAT(refusal("/decoder", {{"type", "WordPiece"}}), Contains("field \"decoder.type\" is \"WordPiece\""));
    CHECK_THAT(refusal("/model/byte_fallback", true), Contains("field \"model.byte_fallback\" is true"));
    CHECK_THAT(refusal("/model/continuing_subword_prefix", "##"), Contains("is \"##\", expected none"));
    CHECK_THAT(refusal("/model/end_of_word_suffix", "</w>"), Contains("is \"</w>\", expected none"));
    CHECK_THAT(refusal("/model/dropout", 0.1), Contains("field \"model.dropout\" is not 0"));
    CHECK_THAT(refusal("/version", "2.0"), Contains("field \"version\" is \"2.0\", expected \"1.0\""));
}

TEST_CASE("a tokenizer.json that is broken is refused in one line", "[text]") {
    const std::string hostile = "\x1B[2J" + std::string(10'000, 'x');
    json vocabulary = small_tokenizer_json()["model"]["vocab"];
    vocabulary.erase("Ġworld");
    vocabulary["spare"] = 264;
    const std::vector<std::pair<std::string, std::string>> refusals{
        {refusal("", json::array()), "expected a JSON object"},
        {refusal("/model", nullptr), "field \"model\" is missing or no object"},
        {refusal("/model", json::object()), "field \"model.vocab\" is missing"},
        {refusal("/model/vocab", json::array()), "field \"model.vocab\": expected a JSON object"},
        {refusal("/model/vocab", json::object()),
         "field \"added_tokens[0].id\" is 265, expected 0, the first that is free"},
        {refusal("/model/vocab/h", 70'000), "field \"model.vocab\": the id of \"h\" is 70000"},
        {refusal("/model/vocab", vocabulary),
         "field \"model.vocab\" has no entry \"\\xc4\\xa0world\", which model.merges[8] makes"},
        {refusal("/model/merges", nullptr), "field \"model.merges\" is missing or no array"},
        {refusal("/model/merges/3", "hello"), "field \"model.merges[3]\" is \"hello\", expected two symbols"},
        {refusal("/model/merges/3", {"a", "b", "c"}), "field \"model.merges[3]\" is an array"},
        {refusal("/model/merges/3", {"a", ""}), "field \"model.merges[3]\": \"\" is no entry"},
        {refusal("/model/merges/3", "h e"), "field \"model.merges[3]\": \"h e\" stands on an earlier line"},
        {refusal("/model/merges/3", hostile), "field \"model.merges[3]\" is \"\\x1b[2J"},
        {refusal("/model/type", hostile), "field \"model.type\" is"},
        {refusal("/model/unk_token", 5), "field \"model.unk_token\" is 5, expected a string"},
        {refusal("/normalizer", {{"type", hostile}}), "field \"normalizer\" is"},
        {refusal("/normalizer", "NFC"), "field \"normalizer\" is the string \"NFC\", expected an object"},
        {refusal("/pre_tokenizer/add_prefix_space", 1), "field \"pre_tokenizer.add_prefix_space\" is 1"},
        {refusal("/added_tokens", 3), "field \"added_tokens\" is 3, expected an array"},
        {refusal("/added_tokens/0/id", -1), "field \"added_tokens[0].id\" is -1, expected 265"},
        {refusal("/added_tokens/0/id", 1e99), "field \"added_tokens[0].id\" is 1e+99"},
        {refusal("/added_tokens/0/lstrip", nullptr), "field \"added_tokens[0].lstrip\" is null"},
    };
    for (const auto& [text, expected] : refusals) {
        CHECK_THAT(text, Contains("tokenizer.json: ") && Contains(expected));
        CHECK(text.size() < 600);
        CHECK(text.find_first_of("\n\x1B") == std::string::npos);
    }
    const TextFolder folder;
    const std::string whole = small_tokenizer_json().dump();
    for (const std::string& text : {std::string(), whole.substr(0, whole.size() / 2), std::string("<!DOCTYPE html>"),
                                    std::string(100'000, '['), "{\"model\":" + std::string(100'000, '[')}) {
        folder.file("tokenizer.json", text);
        CHECK_THROWS_AS(Gpt2Tokenizer::from_folder(folder.path()), FileError);
    }
}

TEST_CASE("a vocabulary without any byte is none of this kind", "[text]") {
    CHECK_THROWS_WITH(edited([](json& whole) {
                          whole["model"]["vocab"] = {{"<|endoftext|>", 0}};
                          whole["model"]["merges"] = json::array();
                          whole["added_tokens"][0]["id"] = 0;
                      }),
                      Contains("field \"model.vocab\" has no entry for any byte, such as"));
}
