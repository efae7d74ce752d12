// SPDX-License-Identifier: MIT
// What the tests of the text room share: scratch files, a small vocabulary, and the way to the shared data.
#pragma once

#include <lamina/text/document_piece.hpp>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lamina_tests {

/// A folder that is gone at the end of the test.
class TextFolder {
public:
    TextFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "lamina_text_XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", {});
        path_ = name;
    }
    TextFolder(const TextFolder&) = delete;
    TextFolder& operator=(const TextFolder&) = delete;
    ~TextFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    std::filesystem::path file(const std::string& name, std::string_view content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }

    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator{}));
    }

private:
    std::filesystem::path path_;
};

/// A file or folder of the shared data, which is not part of this repository; whether it exists is for the caller to
/// ask.
inline std::filesystem::path shared_data(const std::string& name) {
    const char* chosen = std::getenv("LAMINA_SHARED");
    return std::filesystem::path(chosen != nullptr ? chosen : LAMINA_SHARED_DIR) / "data" / name;
}

/// The 256 symbols of GPT-2's byte alphabet in the order of their ids.
inline constexpr std::string_view alphabet =
    R"(!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~)"
    "¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"
    "ĀāĂăĄąĆćĈĉĊċČčĎďĐđĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħĨĩĪīĬĭĮįİıĲĳĴĵĶķĸĹĺĻļĽľĿŀŁłŃ";

/// Merges in which "hello" and " world" become one token each. Their results have the ids 256 to 264.
inline constexpr std::string_view small_merges =
    "#version: 0.2\n"
    "h e\n"
    "l l\n"
    "he ll\n"
    "hell o\n"
    "Ġ w\n"
    "o r\n"
    "Ġw or\n"
    "l d\n"
    "Ġwor ld\n";

/// The ids of the small vocabulary: 256 bytes, 9 merges, end-of-text.
inline constexpr int small_end_of_text = 265;

/// vocab.json that goes with `small_merges`; `spare` entries are added before end-of-text.
inline std::string small_vocabulary(const std::vector<std::string>& spare = {}) {
    std::vector<std::string> entries;
    for (std::size_t at = 0; at < alphabet.size();) {
        const std::size_t length = static_cast<unsigned char>(alphabet[at]) < 0x80 ? 1 : 2;
        entries.emplace_back(alphabet.substr(at, length));
        at += length;
    }
    for (const char* made : {"he", "ll", "hell", "hello", "Ġw", "or", "Ġwor", "ld", "Ġworld"})
        entries.emplace_back(made);
    entries.insert(entries.end(), spare.begin(), spare.end());
    entries.emplace_back("<|endoftext|>");

    std::string json = "{";
    for (std::size_t id = 0; id < entries.size(); ++id) {
        const std::string& entry = entries[id];
        const bool escaped = entry == "\"" || entry == "\\";
        json += std::string(id == 0 ? "" : ", ") + "\"" + (escaped ? "\\" : "") + entry + "\": " + std::to_string(id);
    }
    return json + "}";
}

/// A tokenizer.json of the small vocabulary, all of it as `tokenizers` writes it, to be edited.
inline nlohmann::json small_tokenizer_json() {
    nlohmann::json merges = nlohmann::json::array();
    std::istringstream lines{std::string(small_merges)};
    std::string line;
    std::getline(lines, line);  // the version
    while (std::getline(lines, line)) merges.push_back(line);
    const nlohmann::json byte_level = {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
    const nlohmann::json end = {
        {"id", small_end_of_text}, {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
        {"rstrip", false},         {"normalized", false},        {"special", true}};
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", nlohmann::json::array({end})},
            {"normalizer", nullptr},
            {"pre_tokenizer", byte_level},
            {"post_processor", byte_level},
            {"decoder", byte_level},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", ""},
              {"end_of_word_suffix", ""},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", nlohmann::json::parse(small_vocabulary())},
              {"merges", merges}}}};
}

/// Whole documents from pieces. A document that does not end is kept too.
template <class Pieces>
std::vector<std::string> joined(Pieces&& pieces) {
    std::vector<std::string> documents;
    bool inside = false;
    for (const lamina::text::DocumentPiece& piece : pieces) {
        if (!inside) documents.emplace_back();
        documents.back() += piece.text;
        inside = !piece.ends_document;
    }
    return documents;
}

}  // namespace lamina_tests
