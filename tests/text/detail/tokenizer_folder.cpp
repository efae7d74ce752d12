// SPDX-License-Identifier: MIT
// Which of a folder's files are its tokenizer, and which token ends a text.
#include <lamina/text/gpt2_tokenizer.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::text::Gpt2Tokenizer;
using lamina_tests::gzipped;
using lamina_tests::small_end_of_text;
using lamina_tests::small_merges;
using lamina_tests::small_tokenizer_json;
using lamina_tests::small_vocabulary;
using lamina_tests::TextFolder;
using nlohmann::json;

using Ids = std::vector<lamina::Token>;

namespace {

const std::string lfs_pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1042301\n";

/// A folder with the two files of the small vocabulary, in which the end of text has another name if one is given.
class TwoFiles : public TextFolder {
public:
    explicit TwoFiles(const std::string& end = "<|endoftext|>") {
        std::string vocabulary = small_vocabulary();
        const std::string published = "<|endoftext|>";
        vocabulary.replace(vocabulary.find(published), published.size(), end);
        file("vocab.json", vocabulary);
        file("merges.txt", small_merges);
    }
    [[nodiscard]] Gpt2Tokenizer open() const { return Gpt2Tokenizer::from_folder(path()); }
};

}  // namespace

TEST_CASE("tokenizer.json wins over two files, whatever it says", "[text]") {
    const TwoFiles folder;
    json whole = small_tokenizer_json();
    whole["pre_tokenizer"]["add_prefix_space"] = true;
    folder.file("tokenizer.json", whole.dump());
    CHECK(folder.open().encode("hello") == Ids{220, 259});
    whole["normalizer"] = {{"type", "NFC"}};
    folder.file("tokenizer.json", whole.dump());
    CHECK_THROWS_WITH(folder.open(), Contains("tokenizer.json: field \"normalizer\" is \"NFC\""));
    std::filesystem::remove(folder.path() / "tokenizer.json");
    CHECK(folder.open().encode("hello") == Ids{259});
    // A link of a cache whose file is gone is no reason to take something else.
    std::filesystem::create_symlink("../blobs/gone", folder.path() / "tokenizer.json");
    CHECK_THROWS_WITH(folder.open(),
                      Contains("tokenizer.json: is a symbolic link to \"../blobs/gone\", which does not exist"));
}

TEST_CASE("what is in place of a tokenizer's file is named for what it is", "[text]") {
    const auto check = [](const char* name, const std::string& content, const std::string& problem) {
        const TwoFiles folder;
        folder.file(name, content);
        CHECK_THROWS_WITH(folder.open(), Contains(name + (": is " + problem)));
    };
    for (const char* const name : {"tokenizer.json", "vocab.json"}) {
        check(name, lfs_pointer, "a Git-LFS pointer in place of the file, expected JSON; run git lfs");
        check(name, "<!DOCTYPE html><html>",
              "a web page in place of the file, expected JSON; download the file itself");
        check(name, gzipped("{}"), "a gzip file, expected JSON; decompress it with gzip -d");
        check(name, "\xFF\xFE{", "UTF-16, expected JSON; convert it with iconv -t UTF-8");
        check(name, "", "empty, expected JSON; download or write it again");
    }
    // Its lines are two words each, as those of merges are.
    check("merges.txt", lfs_pointer, "a Git-LFS pointer in place of the file, expected merges; run");
    check("merges.txt", "<!DOCTYPE html><html>", "a web page in place of the file, expected merges; download");
    check("merges.txt", gzipped(small_merges), "a gzip file, expected merges; decompress it");
    check("merges.txt", "", "empty, expected merges; download or write it again");
}

TEST_CASE("a link to nothing is no reason to pass over a file beside a tokenizer", "[text]") {
    const TwoFiles folder;
    std::filesystem::create_symlink("../blobs/gone", folder.path() / "added_tokens.json");
    CHECK_THROWS_WITH(folder.open(), Contains("added_tokens.json: is a symbolic link to \"../blobs/gone\", which"));
}

TEST_CASE("the files beside two files say what else is a token", "[text]") {
    const TwoFiles folder;
    folder.file("added_tokens.json", R"({"<b>": 267, "<a>": 266})");
    CHECK(folder.open().vocab_size() == 268);
    CHECK(folder.open().encode("<b> <a><|endoftext|>") == Ids{267, 220, 266, small_end_of_text});

    folder.file("tokenizer_config.json", R"({"add_prefix_space": true, "eos_token": {"content": "<|endoftext|>"},
        "added_tokens_decoder": {"265": {"content": "<|endoftext|>", "special": true},
                                 "266": {"content": "<a>", "lstrip": true, "normalized": false}}})");
    folder.file("special_tokens_map.json", R"({"pad_token": "[PAD]", "unk_token": {"content": "<b>"}})");
    CHECK(folder.open().encode("<b> <a>hello") == Ids{267, 266, 220, 259});
    CHECK(folder.open().encode("[PAD]").size() == 6);  // it has no id, and the space comes first
}

TEST_CASE("a special token of the vocabulary is one in texts if a file names it", "[text]") {
    const TwoFiles folder;
    folder.file("vocab.json", small_vocabulary({"spare", "[PAD]"}));
    CHECK_THROWS_WITH(folder.open(),
                      Contains("merges.txt: no line makes \"spare\", entry 265 of vocab.json; is the file "
                               "cut short? If it is an added token, name it in added_tokens.json"));
    folder.file("special_tokens_map.json", R"({"pad_token": "[PAD]", "mask_token": "spare"})");
    CHECK(folder.open().encode("spare[PAD]hell") == Ids{265, 266, 258});
    folder.file("special_tokens_map.json", R"({"mask_token": "spare"})");
    CHECK(folder.open().encode("[PAD]").size() == 5);
}

TEST_CASE("the end of text is found by its name, else by what the files say", "[text]") {
    CHECK_THROWS_WITH(
        TwoFiles("</s>").open(),
        Contains("vocab.json: no entry \"<|endoftext|>\", and no other file says which token ends a text; "
                 "name one as eos_token in tokenizer_config.json"));
    const TwoFiles folder("</s>");
    folder.file("config.json", R"({"eos_token_id": 50256})");
    CHECK_THROWS_AS(folder.open(), FileError);
    folder.file("config.json", R"({"eos_token_id": [3, 4]})");
    CHECK(folder.open().end_of_text() == 3);
    folder.file("config.json", R"({"eos_token_id": 4})");
    CHECK(folder.open().end_of_text() == 4);
    folder.file("special_tokens_map.json", R"({"eos_token": "</s>"})");
    CHECK(folder.open().end_of_text() == 265);
    CHECK(folder.open().encode("</s>") == Ids{265});
    folder.file("tokenizer_config.json", R"({"eos_token": "!"})");
    CHECK(folder.open().end_of_text() == 0);
    folder.file("tokenizer_config.json", R"({"eos_token": {"content": "</s>"}})");
    CHECK(folder.open().end_of_text() == 265);

    const TwoFiles named;
    named.file("tokenizer_config.json", R"({"eos_token": "!"})");
    CHECK(named.open().end_of_text() == small_end_of_text);
}

TEST_CASE("what is wrong beside two files is said of the file that it is wrong in", "[text]") {
    const TwoFiles folder;
    const auto refusal = [&folder](const char* name, const std::string& content) {
        folder.file(name, content);
        std::string text = "no error";
        try {
            static_cast<void>(folder.open());
        } catch (const FileError& error) {
            text = error.what();
        }
        std::filesystem::remove(folder.path() / name);
        return text;
    };
    CHECK_THAT(refusal("added_tokens.json", R"({"<a>": 300})"),
               Contains("added_tokens.json: the id of \"<a>\" is 300, expected 266, the first that is free"));
    CHECK_THAT(refusal("added_tokens.json", R"({"<a>": "b"})"),
               Contains("added_tokens.json: field \"<a>\" is the string"));
    CHECK_THAT(refusal("added_tokens.json", "[]"), Contains("added_tokens.json: the whole file is an array"));
    CHECK_THAT(refusal("added_tokens.json", "{"), Contains("added_tokens.json: malformed JSON at byte"));
    for (const char* const name : {"added_tokens.json", "tokenizer_config.json", "special_tokens_map.json"}) {
        CHECK_THAT(
            refusal(name, lfs_pointer),
            Contains(name + std::string(": is a Git-LFS pointer in place of the file, expected JSON; run git lfs")));
    }
    CHECK_THAT(refusal("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {}}})"),
               Contains("tokenizer_config.json: field \"added_tokens_decoder.x\" is no id of a token"));
    CHECK_THAT(refusal("tokenizer_config.json", R"({"added_tokens_decoder": {"266": {}}})"),
               Contains("field \"added_tokens_decoder.266.content\" is missing"));
    CHECK_THAT(refusal("tokenizer_config.json", R"({"eos_token": 5})"), Contains("field \"eos_token\" is 5"));
}
