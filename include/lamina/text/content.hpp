// SPDX-License-Identifier: MIT
// Content: how to get at the text of a file, told by its first bytes and never by its name, or what to do without any.
#pragma once

#include <lamina/io/file_kind.hpp>

#include <algorithm>
#include <cstddef>
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

/// What to do with a file of another kind, where text or its tokens are wanted.
[[nodiscard]] constexpr std::string_view advice_for_text(io::FileKind kind) {
    using io::FileKind;
    switch (kind) {
        case FileKind::xz:
        case FileKind::bzip2:
        case FileKind::lz4:
        case FileKind::compress:
            return "decompress it, or compress it by gzip or zstd instead";
        case FileKind::hdf5:
        case FileKind::pickle:
            return io::advice_on(FileKind::parquet);
        case FileKind::numpy:
        case FileKind::llm_c_tokens:
            return "give it as a token file (--tokens)";
        case FileKind::pdf:
            return "extract its text, such as with pdftotext";
        case FileKind::safetensors:
        case FileKind::torch_zip:
        case FileKind::gguf:
        case FileKind::ggml:
        case FileKind::llm_c_checkpoint:
        case FileKind::llm_c_other:
        case FileKind::image:
        case FileKind::program:
        case FileKind::unknown:
            return "give text in UTF-8, plain or compressed";
        default:
            return io::advice_on(kind);
    }
}

[[nodiscard]] constexpr std::string_view without_blanks(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return text.substr(std::min(first, text.size()));
}

/// "[{" and a key: the rows of a data set in one array.
[[nodiscard]] constexpr bool is_json_array(std::string_view text) {
    if (!text.starts_with('[')) return false;
    text = without_blanks(text.substr(1));
    return text.starts_with('{') && without_blanks(text.substr(1)).starts_with('"');
}

}  // namespace detail

/// What a file of a kind is to those who want text; plain where only its reader can tell.
[[nodiscard]] constexpr Content content_of(io::FileKind kind) {
    const auto as = [kind](Form form) { return Content{form, io::name_of(kind), detail::advice_for_text(kind)}; };
    switch (kind) {
        case io::FileKind::gzip:
            return as(Form::gzip);
        case io::FileKind::zstd:
            return as(Form::zstd);
        case io::FileKind::empty:
        case io::FileKind::text:
        case io::FileKind::json:
        case io::FileKind::xml:
        case io::FileKind::unknown:
        case io::FileKind::message_pack:  // as text in Shift JIS may look
            return {};
        default:
            return as(Form::foreign);
    }
}

/// What a file is that begins with `start`: its first `deciding_bytes`, or all of a shorter one. Decides between the
/// forms and names what else people give where text is wanted; that plain text is UTF-8 is for its reader to check.
[[nodiscard]] constexpr Content content_of(std::string_view start) {
    const Content by_kind = content_of(io::file_kind(start, start.size()));
    if (by_kind.form != Form::plain) return by_kind;
    const bool marked = start.starts_with(byte_order_mark);
    if (detail::is_json_array(detail::without_blanks(start.substr(marked ? byte_order_mark.size() : 0)))) {
        return {Form::foreign, "a JSON array", "write its elements one a line, such as with jq -c '.[]'"};
    }
    if (start.find('\0') != std::string_view::npos) {
        return {Form::foreign, "a binary file, with bytes that are zero",
                detail::advice_for_text(io::FileKind::unknown)};
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
