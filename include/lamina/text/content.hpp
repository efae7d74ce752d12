// SPDX-License-Identifier: MIT
// Content: what a file that should hold text is, told by its first bytes and never by its name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace lamina::text {

/// How to get at a file's text.
enum class Form {
    plain,   ///< it is there as it is
    gzip,    ///< RFC 1952
    zstd,    ///< RFC 8878
    foreign  ///< it is something else
};

/// What a file is.
struct Content {
    Form form = Form::plain;
    std::string_view name = {};    ///< of what is not plain text: "a Parquet file"
    std::string_view advice = {};  ///< what to do with what is foreign
};

/// How many bytes from a file's start decide what it is.
inline constexpr std::size_t deciding_bytes = 4096;

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

namespace detail {

inline constexpr std::string_view to_json_lines = "write its text as JSON Lines, one {\"text\": ...} a line";
inline constexpr std::string_view unpack = "unpack it";
inline constexpr std::string_view recompress = "decompress it, or compress it by gzip or zstd instead";
inline constexpr std::string_view fetch_again = "it stands for a file that was not fetched: run git lfs pull";
inline constexpr std::string_view to_utf8 = "convert it with iconv -t UTF-8";
inline constexpr std::string_view is_tokens = "give it as a token file (--tokens)";

struct Signature {
    std::size_t offset;
    std::string_view bytes;
    Content content;
};

template <std::size_t N>
[[nodiscard]] constexpr std::string_view magic(const char (&bytes)[N]) {
    return {bytes, N - 1};  // zeros included
}

[[nodiscard]] constexpr Content foreign(std::string_view name, std::string_view advice) {
    return {Form::foreign, name, advice};
}

/// The first that matches decides.
inline constexpr std::array signatures{
    Signature{0, magic("\x1F\x8B\x08"), {Form::gzip, "a gzip file", unpack}},
    Signature{0, magic("\x28\xB5\x2F\xFD"), {Form::zstd, "a zstd file", unpack}},
    Signature{0, magic("PAR1"), foreign("a Parquet file", to_json_lines)},
    Signature{0, magic("ARROW1"), foreign("an Arrow file", to_json_lines)},
    Signature{0, magic("\xFF\xFF\xFF\xFF"), foreign("an Arrow stream", to_json_lines)},
    Signature{0, magic("Obj\x01"), foreign("an Avro file", to_json_lines)},
    Signature{0, magic("\x89HDF\r\n\x1A\n"), foreign("an HDF5 file", to_json_lines)},
    Signature{0, magic("SQLite format 3\0"), foreign("an SQLite database", to_json_lines)},
    Signature{0, magic("PK\x03\x04"), foreign("a zip archive", unpack)},
    Signature{0, magic("PK\x05\x06"), foreign("an empty zip archive", unpack)},
    Signature{0, magic("7z\xBC\xAF\x27\x1C"), foreign("a 7z archive", unpack)},
    Signature{0, magic("Rar!\x1A\x07"), foreign("a RAR archive", unpack)},
    Signature{257, magic("ustar"), foreign("a tar archive", unpack)},
    Signature{0, magic("\xFD\x37zXZ\0"), foreign("an xz file", recompress)},
    Signature{0, magic("\x04\x22\x4D\x18"), foreign("an LZ4 file", recompress)},
    Signature{0, magic("\x1F\x9D"), foreign("a file of compress (.Z)", recompress)},
    Signature{0, magic("%PDF-"), foreign("a PDF document", "extract its text, such as with pdftotext")},
    Signature{0, magic("{\\rtf"), foreign("an RTF document", "save it as plain text")},
    Signature{0, magic("version https://git-lfs.github.com/spec/"), foreign("a Git LFS pointer", fetch_again)},
    Signature{0, magic("\xFF\xFE\0\0"), foreign("UTF-32", to_utf8)},
    Signature{0, magic("\0\0\xFE\xFF"), foreign("UTF-32", to_utf8)},
    Signature{0, magic("\xFF\xFE"), foreign("UTF-16", to_utf8)},
    Signature{0, magic("\xFE\xFF"), foreign("UTF-16", to_utf8)},
    Signature{0, magic("\x93NUMPY"), foreign("a NumPy array", is_tokens)},
    Signature{0, magic("\x88\xD8\x34\x01"), foreign("a token shard", is_tokens)},
    Signature{0, magic("\xA1\xD9\x34\x01"), foreign("a token shard", is_tokens)},
};

/// A digit follows bzip2's magic and what begins its first block or its end.
[[nodiscard]] constexpr bool is_bzip2(std::string_view start) {
    return start.starts_with("BZh") && start.size() >= 10 && start[3] >= '1' && start[3] <= '9' &&
           (start.substr(4, 6) == "1AY&SY" || start.substr(4, 6) == magic("\x17\x72\x45\x38\x50\x90"));
}

/// Frames that say nothing to those who read the text; programs that compress in parallel begin with one.
[[nodiscard]] constexpr bool is_skippable_zstd(std::string_view start) {
    return start.size() >= 4 && (static_cast<unsigned char>(start[0]) & 0xF0U) == 0x50U &&
           start.substr(1, 3) == "\x2A\x4D\x18";
}

[[nodiscard]] constexpr bool is_python_pickle(std::string_view start) {
    return start.size() >= 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5;
}

/// What the first bytes alone say; plain where they say nothing.
[[nodiscard]] constexpr Content content_by_signature(std::string_view start) {
    for (const Signature& signature : signatures) {
        if (start.size() < signature.offset) continue;
        if (start.substr(signature.offset).starts_with(signature.bytes)) return signature.content;
    }
    if (is_skippable_zstd(start)) return {Form::zstd, "a zstd file", unpack};
    if (is_bzip2(start)) return foreign("a bzip2 file", recompress);
    if (is_python_pickle(start)) return foreign("a Python pickle", to_json_lines);
    return {};
}

[[nodiscard]] constexpr std::string_view without_blanks(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return text.substr(std::min(first, text.size()));
}

[[nodiscard]] constexpr bool starts_with_in_any_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), text.begin(), [](char wanted, char found) {
               return wanted == (found >= 'A' && found <= 'Z' ? found + 32 : found);
           });
}

[[nodiscard]] constexpr bool is_web_page(std::string_view text) {
    return starts_with_in_any_case(text, "<!doctype html") || starts_with_in_any_case(text, "<html");
}

/// "[{" and a key: the rows of a data set in one array.
[[nodiscard]] constexpr bool is_json_array(std::string_view text) {
    if (!text.starts_with('[')) return false;
    text = without_blanks(text.substr(1));
    return text.starts_with('{') && without_blanks(text.substr(1)).starts_with('"');
}

}  // namespace detail

/// What a file is that begins with `start`: its first `deciding_bytes`, or all of a shorter one. Decides between the
/// forms and names what else people give where text is wanted; that plain text is UTF-8 is for its reader to check.
[[nodiscard]] constexpr Content content_of(std::string_view start) {
    const Content signed_as = detail::content_by_signature(start);
    if (signed_as.form != Form::plain) return signed_as;
    const bool marked = start.starts_with(byte_order_mark);
    const std::string_view text = detail::without_blanks(start.substr(marked ? byte_order_mark.size() : 0));
    if (detail::is_web_page(text)) return detail::foreign("a web page", "fetch the file that the page is about");
    if (detail::is_json_array(text)) {
        return detail::foreign("a JSON array", "write its elements one a line, such as with jq -c '.[]'");
    }
    if (start.find('\0') != std::string_view::npos) {
        return detail::foreign("a binary file, with bytes that are zero", "give text in UTF-8, plain or compressed");
    }
    return {};
}

/// Whether text begins as a line of JSON Lines does: an object that is empty, or whose first key and colon are there.
[[nodiscard]] constexpr bool begins_json_object(std::string_view text) {
    text = detail::without_blanks(text);
    if (!text.starts_with('{')) return false;
    const std::size_t in_line = text.find_first_not_of(" \t", 1);
    if (in_line == std::string_view::npos) return false;
    if (text[in_line] == '}') return true;
    if (text[in_line] != '"') return false;
    std::size_t at = in_line + 1;
    while (at < text.size() && text[at] != '"' && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
    if (at >= text.size() || text[at] != '"') return false;
    at = text.find_first_not_of(" \t", at + 1);
    return at != std::string_view::npos && text[at] == ':';
}

}  // namespace lamina::text
