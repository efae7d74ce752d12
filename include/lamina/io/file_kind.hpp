// SPDX-License-Identifier: MIT
// FileKind: what a file is, told by its first bytes and never by its name, and what to do where it is the wrong one.
#pragma once

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/detail/file_descriptor.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace lamina::io {

/// What people have where they believe to have weights, a configuration or a corpus.
enum class FileKind : std::uint8_t {
    missing,
    dangling_link,  ///< a symbolic link to nothing, as in a cache of the hub that has lost its blobs
    folder,
    special,  ///< a pipe or a device, whose first bytes are not looked at
    empty,
    safetensors,
    git_lfs_pointer,
    git_annex_pointer,
    link_as_text,  ///< where a symbolic link leads, as text, left by what could not make one
    torch_zip,     ///< torch.save's: a zip archive around a pickle
    pickle,
    gguf,
    ggml,
    hdf5,
    message_pack,
    numpy,
    llm_c_checkpoint,
    llm_c_tokens,
    llm_c_other,
    gzip,
    zstd,
    xz,
    bzip2,
    lz4,
    compress,
    zip,
    tar,
    seven_zip,
    rar,
    parquet,
    arrow,
    avro,
    sqlite,
    pdf,
    rtf,
    image,
    program,
    web_page,
    xml,
    json,
    utf16,
    utf32,
    text,
    unknown
};

namespace detail {

struct FileKindText {
    FileKind kind;
    std::string_view name;    ///< after "is"
    std::string_view advice;  ///< after "; "
};

inline constexpr std::string_view to_tokens = "give it where tokens are expected (--tokens)";
inline constexpr std::string_view to_json_lines = "write its text as JSON Lines, one {\"text\": ...} a line";
inline constexpr std::string_view to_utf8 = "convert it with iconv -t UTF-8";

/// One row a kind, in their order.
inline constexpr std::array file_kind_texts{
    FileKindText{FileKind::missing, "missing", "give a path that exists"},
    FileKindText{FileKind::dangling_link, "a symbolic link whose target does not exist",
                 "download it again, or copy it with its links followed (cp -rL), as a hub's cache keeps the contents "
                 "in its blobs/"},
    FileKindText{FileKind::folder, "a folder", "give the file itself"},
    FileKindText{FileKind::special, "not a regular file", "copy it into one"},
    FileKindText{FileKind::empty, "empty", "download or write it again"},
    FileKindText{FileKind::safetensors, "a safetensors file", "give its folder where a model is expected"},
    FileKindText{FileKind::git_lfs_pointer, "a Git-LFS pointer in place of the file",
                 "run git lfs pull in its repository, or download it again"},
    FileKindText{FileKind::git_annex_pointer, "a git-annex pointer in place of the file",
                 "run git annex get on it, or download it again"},
    FileKindText{FileKind::link_as_text, "the text of a symbolic link in place of the file",
                 "copy the folder again with its links followed (cp -rL), or download it again"},
    FileKindText{FileKind::torch_zip, "a pickle in a zip archive, as torch.save writes it", ""},
    FileKindText{FileKind::pickle, "a pickle", ""},
    FileKindText{FileKind::gguf, "a GGUF file, as llama.cpp reads it", "take the safetensors that it was made of"},
    FileKindText{FileKind::ggml, "a GGML file, as llama.cpp once read it", "take the safetensors that it was made of"},
    FileKindText{FileKind::hdf5, "an HDF5 file, as Keras and TensorFlow write weights",
                 "load it with transformers and save_pretrained it as safetensors"},
    FileKindText{FileKind::message_pack, "a MessagePack file, as Flax writes weights",
                 "load it with transformers and save_pretrained it as safetensors"},
    FileKindText{FileKind::numpy, "a NumPy array", to_tokens},
    FileKindText{FileKind::llm_c_checkpoint, "a checkpoint of llm.c", ""},
    FileKindText{FileKind::llm_c_tokens, "a token shard of llm.c", to_tokens},
    FileKindText{FileKind::llm_c_other, "a file of llm.c that is neither a checkpoint nor a token shard",
                 "give the checkpoint, which llm.c calls gpt2_124M.bin"},
    FileKindText{FileKind::gzip, "a gzip file", "decompress it with gzip -d"},
    FileKindText{FileKind::zstd, "a zstd file", "decompress it with zstd -d"},
    FileKindText{FileKind::xz, "an xz file", "decompress it with xz -d"},
    FileKindText{FileKind::bzip2, "a bzip2 file", "decompress it with bzip2 -d"},
    FileKindText{FileKind::lz4, "an LZ4 file", "decompress it with lz4 -d"},
    FileKindText{FileKind::compress, "a file of compress (.Z)", "decompress it with gzip -d"},
    FileKindText{FileKind::zip, "a zip archive", "unpack it with unzip"},
    FileKindText{FileKind::tar, "a tar archive", "unpack it with tar -xf"},
    FileKindText{FileKind::seven_zip, "a 7z archive", "unpack it with 7z x"},
    FileKindText{FileKind::rar, "a RAR archive", "unpack it with unrar x"},
    FileKindText{FileKind::parquet, "a Parquet file", to_json_lines},
    FileKindText{FileKind::arrow, "an Arrow file", to_json_lines},
    FileKindText{FileKind::avro, "an Avro file", to_json_lines},
    FileKindText{FileKind::sqlite, "an SQLite database", to_json_lines},
    FileKindText{FileKind::pdf, "a PDF document", "give another file"},
    FileKindText{FileKind::rtf, "an RTF document", "save it as plain text"},
    FileKindText{FileKind::image, "an image", "give another file"},
    FileKindText{FileKind::program, "a program", "give another file"},
    FileKindText{FileKind::web_page, "a web page in place of the file",
                 "download the file itself, on a hub from /resolve/ and not /blob/, and logged in where it is gated"},
    FileKindText{FileKind::xml, "XML, as a server sends in place of a file", "download it again"},
    FileKindText{FileKind::json, "JSON", "download it again"},
    FileKindText{FileKind::utf16, "UTF-16", to_utf8},
    FileKindText{FileKind::utf32, "UTF-32", to_utf8},
    FileKindText{FileKind::text, "text", "download it again"},
    FileKindText{FileKind::unknown, "binary of an unknown kind", "download it again, or give another file"}};

[[nodiscard]] consteval bool has_row_for_each_kind() {
    for (std::size_t i = 0; i < file_kind_texts.size(); ++i) {
        if (static_cast<std::size_t>(file_kind_texts[i].kind) != i) return false;
    }
    return file_kind_texts.size() == static_cast<std::size_t>(FileKind::unknown) + 1;
}
static_assert(has_row_for_each_kind());

/// What stands at the start of a file, or `offset` bytes into it, zeros included.
struct Magic {
    template <std::size_t N>
    constexpr Magic(FileKind of_kind, const char (&of_bytes)[N], std::size_t at = 0)
        : kind(of_kind), bytes(of_bytes, N - 1), offset(at) {}

    FileKind kind;
    std::string_view bytes;
    std::size_t offset;
};

/// No text begins like these, or only text of that kind. The first that matches decides.
inline constexpr std::array magics{Magic(FileKind::hdf5, "\x89HDF\r\n\x1A\n"),
                                   Magic(FileKind::numpy, "\x93NUMPY"),
                                   Magic(FileKind::llm_c_checkpoint, "\xC6\xD7\x34\x01"),  // 20240326
                                   Magic(FileKind::llm_c_tokens, "\x88\xD8\x34\x01"),      // 20240520, of 16 bits
                                   Magic(FileKind::llm_c_tokens, "\xA1\xD9\x34\x01"),      // 20240801, of 32 bits
                                   Magic(FileKind::llm_c_other, "\xC7\xD7\x34\x01"),       // the state to compare with
                                   Magic(FileKind::llm_c_other, "\xC8\xD7\x34\x01"),       // the tokenizer
                                   Magic(FileKind::llm_c_other, "\x8A\xD8\x34\x01"),       // HellaSwag
                                   Magic(FileKind::llm_c_other, "\x8F\xD8\x34\x01"),       // the optimiser
                                   Magic(FileKind::gzip, "\x1F\x8B\x08"),
                                   Magic(FileKind::zstd, "\x28\xB5\x2F\xFD"),
                                   Magic(FileKind::xz, "\xFD\x37zXZ\0"),
                                   Magic(FileKind::lz4, "\x04\x22\x4D\x18"),
                                   Magic(FileKind::compress, "\x1F\x9D"),
                                   Magic(FileKind::zip, "PK\x03\x04"),
                                   Magic(FileKind::zip, "PK\x05\x06"),  // of nothing
                                   Magic(FileKind::seven_zip, "7z\xBC\xAF\x27\x1C"),
                                   Magic(FileKind::rar, "Rar!\x1A\x07"),
                                   Magic(FileKind::arrow, "\xFF\xFF\xFF\xFF"),  // a stream
                                   Magic(FileKind::avro, "Obj\x01"),
                                   Magic(FileKind::sqlite, "SQLite format 3\0"),
                                   Magic(FileKind::pdf, "%PDF-"),
                                   Magic(FileKind::rtf, "{\\rtf"),
                                   Magic(FileKind::image, "\x89PNG\r\n"),
                                   Magic(FileKind::image, "\xFF\xD8\xFF"),
                                   Magic(FileKind::program, "\177ELF"),
                                   Magic(FileKind::utf32, "\xFF\xFE\0\0"),
                                   Magic(FileKind::utf32, "\0\0\xFE\xFF"),
                                   Magic(FileKind::utf16, "\xFF\xFE"),
                                   Magic(FileKind::utf16, "\xFE\xFF")};

/// Text may begin like these, so that they count only before bytes that text does not have.
inline constexpr std::array magic_words{Magic(FileKind::gguf, "GGUF"),    Magic(FileKind::ggml, "lmgg"),
                                        Magic(FileKind::ggml, "fmgg"),    Magic(FileKind::ggml, "tjgg"),
                                        Magic(FileKind::parquet, "PAR1"), Magic(FileKind::arrow, "ARROW1"),
                                        Magic(FileKind::image, "GIF8"),   Magic(FileKind::tar, "ustar", 257)};

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
    // Nothing may be of no address.
    return bytes.empty()
               ? ""
               : std::string_view(static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size());
}

/// How much of a file is looked at: enough for the name in a tar archive's header and for the start of a web page.
inline constexpr std::size_t file_head_size = 1024;

/// Questions about the first bytes of a file.
class FileHead {
public:
    /// `size` is that of the whole file.
    constexpr FileHead(std::string_view bytes, std::size_t size)
        : text_(bytes.substr(0, file_head_size)), size_(size) {}

    [[nodiscard]] constexpr FileKind kind() const {
        if (size_ == 0) return FileKind::empty;
        // First, as its first eight bytes are a number that may spell anything.
        if (is_safetensors()) return FileKind::safetensors;
        if (const FileKind kind = kind_by(magics); kind != FileKind::unknown) {
            return kind == FileKind::zip && holds_pickle() ? FileKind::torch_zip : kind;
        }
        if (is_skippable_zstd()) return FileKind::zstd;
        if (is_bzip2()) return FileKind::bzip2;
        if (is_pickle()) return FileKind::pickle;
        if (is_message_pack()) return FileKind::message_pack;
        return is_text() ? text_kind() : kind_by(magic_words);
    }

    /// The first line, for a message.
    [[nodiscard]] constexpr std::string_view first_line() const {
        const std::string_view text = trimmed();
        return text.substr(0, text.find_first_of("\r\n"));
    }

private:
    [[nodiscard]] constexpr unsigned char byte(std::size_t i) const { return static_cast<unsigned char>(text_[i]); }

    [[nodiscard]] constexpr FileKind kind_by(std::span<const Magic> among) const {
        for (const Magic& magic : among) {
            if (text_.substr(std::min(magic.offset, text_.size())).starts_with(magic.bytes)) return magic.kind;
        }
        return FileKind::unknown;
    }

    /// The length of a header, in eight bytes, and the brace that it begins with.
    [[nodiscard]] constexpr bool is_safetensors() const {
        constexpr std::uint64_t longest_header = 100'000'000;
        std::uint64_t length = 0;
        if (text_.size() <= sizeof length || text_[sizeof length] != '{') return false;
        for (std::size_t i = sizeof length; i-- > 0;) length = length << 8U | byte(i);
        return length >= 2 && length <= longest_header;
    }

    /// A zip archive's first header has the name of its first file; torch.save begins with NAME/data.pkl.
    [[nodiscard]] constexpr bool holds_pickle() const { return text_.substr(0, 512).find("data.pkl") != text_.npos; }

    /// Frames that say nothing to those who read what is compressed; programs that compress in parallel begin with one.
    [[nodiscard]] constexpr bool is_skippable_zstd() const {
        return text_.size() >= 4 && (byte(0) & 0xF0U) == 0x50U && text_.substr(1, 3) == "\x2A\x4D\x18";
    }

    /// A digit follows the magic, and then what begins the first block or the end.
    [[nodiscard]] constexpr bool is_bzip2() const {
        if (!text_.starts_with("BZh") || text_.size() < 10 || text_[3] < '1' || text_[3] > '9') return false;
        return text_.substr(4, 6) == "1AY&SY" || text_.substr(4, 6) == "\x17\x72\x45\x38\x50\x90";
    }

    /// Protocols 2 to 5 say so first; what follows is an operation, which the text of other formats is not.
    [[nodiscard]] constexpr bool is_pickle() const {
        return text_.size() >= 2 && byte(0) == 0x80U && byte(1) >= 2 && byte(1) <= 5;
    }

    /// A map whose first key is a short string, as Flax's trees of parameters are.
    [[nodiscard]] constexpr bool is_message_pack() const {
        if (text_.size() < 3 || byte(0) <= 0x80U || byte(0) > 0x8FU || byte(1) <= 0xA0U || byte(1) > 0xBFU)
            return false;
        const std::string_view key = text_.substr(2, byte(1) - 0xA0U);
        return std::all_of(key.begin(), key.end(),
                           [](char character) { return character > ' ' && character < '\x7F'; });
    }

    /// Whether there is no control character but those that break lines and pages, go back, or begin a colour.
    [[nodiscard]] constexpr bool is_text() const {
        return std::all_of(text_.begin(), text_.end(), [](char character) {
            const bool is_control = static_cast<unsigned char>(character) < 0x20U || character == '\x7F';
            return !is_control || std::string_view("\t\n\r\f\b\x1B").find(character) != std::string_view::npos;
        });
    }

    [[nodiscard]] static constexpr std::string_view without_blanks(std::string_view text) {
        return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    }

    /// What follows a byte order mark and white space.
    [[nodiscard]] constexpr std::string_view trimmed() const {
        return without_blanks(text_.substr(text_.starts_with("\xEF\xBB\xBF") ? 3 : 0));
    }

    [[nodiscard]] constexpr FileKind text_kind() const {
        const std::string_view text = trimmed();
        if (text.starts_with("version http") && text.find("\noid ") != text.npos) return FileKind::git_lfs_pointer;
        if (text.starts_with("/annex/objects/")) return FileKind::git_annex_pointer;
        const bool one_word = without_blanks(text.substr(std::min(text.find_first_of(" \t\r\n"), text.size()))).empty();
        if (one_word && size_ < file_head_size && text.starts_with("../")) return FileKind::link_as_text;
        if (text.starts_with('<')) return markup_kind(text);
        if (text.starts_with('{') || text.starts_with('[')) return FileKind::json;
        return FileKind::text;
    }

    /// By the first element, which follows declarations and comments.
    [[nodiscard]] static constexpr FileKind markup_kind(std::string_view text) {
        std::string_view element = text;
        while (element.starts_with("<?") || element.starts_with("<!--")) {
            const std::string_view close = element.starts_with("<?") ? "?>" : "-->";
            const std::size_t end = element.find(close);
            element = end == element.npos ? "" : without_blanks(element.substr(end + close.size()));
        }
        for (const std::string_view name : {"<!doctype html", "<html", "<head", "<body", "<title"}) {
            if (begins_element(element, name)) return FileKind::web_page;
        }
        return text.starts_with("<?xml") || text.find("</") != text.npos ? FileKind::xml : FileKind::text;
    }

    /// Whether a text begins with a name, in letters of either case, that ends there.
    [[nodiscard]] static constexpr bool begins_element(std::string_view text, std::string_view name) {
        const auto is_same = [](char wanted, char found) {
            return wanted == (found >= 'A' && found <= 'Z' ? found + ('a' - 'A') : found);
        };
        return text.size() > name.size() && std::equal(name.begin(), name.end(), text.begin(), is_same) &&
               std::string_view("> \t\r\n").find(text[name.size()]) != std::string_view::npos;
    }

    std::string_view text_;
    std::size_t size_;
};

}  // namespace detail

/// Whether a path leads somewhere, be it by a symbolic link to nothing, which std::filesystem::exists passes over.
[[nodiscard]] inline bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

/// What stands after "is" in a message: "a Git-LFS pointer in place of the file".
[[nodiscard]] constexpr std::string_view name_of(FileKind kind) {
    return detail::file_kind_texts[static_cast<std::size_t>(kind)].name;
}

/// What the first bytes of a file say; `size` is that of the whole file.
[[nodiscard]] constexpr FileKind file_kind(std::string_view head, std::size_t size) {
    return detail::FileHead(head, size).kind();
}

[[nodiscard]] inline FileKind file_kind(std::span<const std::byte> head, std::size_t size) {
    return file_kind(detail::as_text(head), size);
}

/// What a path leads to. What cannot be opened is unknown.
[[nodiscard]] inline FileKind file_kind(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return is_there(path) ? FileKind::dangling_link : FileKind::missing;
    if (std::filesystem::is_directory(status)) return FileKind::folder;
    if (!std::filesystem::is_regular_file(status)) return FileKind::special;
    const detail::FileDescriptor file = detail::try_open(path, O_RDONLY);
    std::array<std::byte, detail::file_head_size> head{};
    ::ssize_t count = -1;
    do {
        count = file.is_open() ? ::read(file.get(), head.data(), head.size()) : -1;
    } while (count < 0 && errno == EINTR);
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (count < 0 || error) return FileKind::unknown;
    return file_kind(std::span(head).first(static_cast<std::size_t>(count)), static_cast<std::size_t>(size));
}

/// What to do about a file of a kind that was not expected; nothing where that takes its path.
[[nodiscard]] constexpr std::string_view advice_on(FileKind kind) {
    return detail::file_kind_texts[static_cast<std::size_t>(kind)].advice;
}

/// The same, as a command where one is enough.
[[nodiscard]] inline std::string advice_on(FileKind kind, const std::filesystem::path& path) {
    switch (kind) {
        case FileKind::torch_zip:
        case FileKind::pickle:
            return "a pickle can run any program, so that none is read; convert it: " +
                   detail::torch_conversion_line(path);
        case FileKind::llm_c_checkpoint:
            return "make a folder of it with convert --llm-c " + detail::shell_word(path.string()) +
                   " --to hugging-face --out DIR";
        default:
            return std::string(advice_on(kind));
    }
}

/// Throws "PATH: is FOUND, expected EXPECTED; ADVICE".
[[noreturn]] inline void fail_kind(const std::filesystem::path& path, FileKind kind, std::string_view expected,
                                   std::span<const std::byte> head = {}) {
    std::string found(name_of(kind));
    if ((kind == FileKind::text || kind == FileKind::json) && !head.empty()) {
        const std::string_view line = detail::FileHead(detail::as_text(head), head.size()).first_line();
        found += " that begins \"" + printable(line, 60) + '"';
    }
    throw FileError(path.string(),
                    "is " + found + ", expected " + std::string(expected) + "; " + advice_on(kind, path));
}

/// Throws as fail_kind where a file that could not be read as the text that it should be is of another kind.
inline void fail_if_no_text(const std::filesystem::path& path, std::string_view expected) {
    const FileKind kind = file_kind(path);
    if (kind != FileKind::text && kind != FileKind::json && kind != FileKind::unknown) fail_kind(path, kind, expected);
}

/// Throws why a path cannot be opened: that it is a link to nothing, or else what the system says about `error`.
[[noreturn]] inline void fail_to_open(const std::filesystem::path& path, int error) {
    if (error != ENOENT || !is_there(path)) detail::throw_system_error(path, "cannot be opened", error);
    std::error_code ignored;
    const std::string target = std::filesystem::read_symlink(path, ignored).string();
    throw FileError(path.string(), "is a symbolic link to " + in_quotes(target) + ", which does not exist; " +
                                       advice_on(FileKind::dangling_link, path));
}

}  // namespace lamina::io
