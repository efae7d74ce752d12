// SPDX-License-Identifier: MIT
// FileKind: what a file is, told by its first bytes and never by its name, and what to do where it is the wrong one.
#pragma once

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/detail/file_descriptor.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
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
    zip,
    tar,
    parquet,
    arrow,
    sqlite,
    pdf,
    image,
    program,
    web_page,
    xml,
    json,
    utf16,
    text,
    unknown
};

namespace detail {

struct FileKindText {
    FileKind kind;
    std::string_view name;    ///< after "is"
    std::string_view advice;  ///< after "; "
};

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
    FileKindText{FileKind::numpy, "an array of NumPy", "give it where tokens are expected"},
    FileKindText{FileKind::llm_c_checkpoint, "a checkpoint of llm.c", ""},
    FileKindText{FileKind::llm_c_tokens, "a token shard of llm.c", "give it where tokens are expected"},
    FileKindText{FileKind::llm_c_other, "a file of llm.c that is neither a checkpoint nor a token shard",
                 "give the checkpoint, which llm.c calls gpt2_124M.bin"},
    FileKindText{FileKind::gzip, "compressed with gzip", "decompress it with gzip -d"},
    FileKindText{FileKind::zstd, "compressed with Zstandard", "decompress it with zstd -d"},
    FileKindText{FileKind::xz, "compressed with xz", "decompress it with xz -d"},
    FileKindText{FileKind::bzip2, "compressed with bzip2", "decompress it with bzip2 -d"},
    FileKindText{FileKind::zip, "a zip archive", "unpack it with unzip"},
    FileKindText{FileKind::tar, "a tar archive", "unpack it with tar -xf"},
    FileKindText{FileKind::parquet, "a Parquet file", "export what it holds as JSON Lines"},
    FileKindText{FileKind::arrow, "an Arrow file", "export what it holds as JSON Lines"},
    FileKindText{FileKind::sqlite, "an SQLite database", "export what it holds"},
    FileKindText{FileKind::pdf, "a PDF document", "give another file"},
    FileKindText{FileKind::image, "an image", "give another file"},
    FileKindText{FileKind::program, "a program", "give another file"},
    FileKindText{FileKind::web_page, "a web page in place of the file",
                 "download the file itself, on a hub from /resolve/ and not /blob/, and logged in where the model is "
                 "gated"},
    FileKindText{FileKind::xml, "XML, as a server sends in place of a file", "download it again"},
    FileKindText{FileKind::json, "JSON", "download it again"},
    FileKindText{FileKind::utf16, "text in UTF-16", "store it as UTF-8"},
    FileKindText{FileKind::text, "text", "download it again"},
    FileKindText{FileKind::unknown, "binary of an unknown kind", "download it again, or give another file"}};

[[nodiscard]] consteval bool has_row_for_each_kind() {
    for (std::size_t i = 0; i < file_kind_texts.size(); ++i) {
        if (static_cast<std::size_t>(file_kind_texts[i].kind) != i) return false;
    }
    return file_kind_texts.size() == static_cast<std::size_t>(FileKind::unknown) + 1;
}
static_assert(has_row_for_each_kind());

/// How much of a file is looked at: enough for the name in a tar archive's header and for the start of a web page.
inline constexpr std::size_t file_head_size = 1024;

/// Questions about the first bytes of a file.
class FileHead {
public:
    /// `size` is that of the whole file.
    FileHead(std::span<const std::byte> bytes, std::size_t size)
        : text_(static_cast<const char*>(static_cast<const void*>(bytes.data())),
                std::min(bytes.size(), file_head_size)),
          size_(size) {
        if (text_.empty()) text_ = {};  // of no address
    }

    [[nodiscard]] FileKind kind() const {
        if (size_ == 0) return FileKind::empty;
        // First, as its first eight bytes are a number that may spell anything.
        if (is_safetensors()) return FileKind::safetensors;
        for (const auto& [magic, offset, kind] : magics()) {
            if (text_.size() > offset && text_.substr(offset).starts_with(magic)) return kind;
        }
        if (text_.starts_with("PK\x03\x04")) return zip_kind();
        if (is_pickle()) return FileKind::pickle;
        if (is_message_pack()) return FileKind::message_pack;
        if (const auto kind = llm_c_kind()) return *kind;
        return text_kind();
    }

    /// The first line, for a message.
    [[nodiscard]] std::string_view first_line() const {
        const std::string_view text = trimmed();
        return text.substr(0, text.find_first_of("\r\n"));
    }

private:
    struct Magic {
        std::string_view bytes;
        std::size_t offset;
        FileKind kind;
    };

    [[nodiscard]] static std::span<const Magic> magics() {
        using namespace std::string_view_literals;
        static constexpr std::array all{Magic{"GGUF"sv, 0, FileKind::gguf},
                                        Magic{"\x89HDF\r\n\x1a\n"sv, 0, FileKind::hdf5},
                                        Magic{"\x93NUMPY"sv, 0, FileKind::numpy},
                                        Magic{"\x1f\x8b"sv, 0, FileKind::gzip},
                                        Magic{"\x28\xb5\x2f\xfd"sv, 0, FileKind::zstd},
                                        Magic{"\xfd\x37zXZ\0"sv, 0, FileKind::xz},
                                        Magic{"BZh"sv, 0, FileKind::bzip2},
                                        Magic{"ustar"sv, 257, FileKind::tar},
                                        Magic{"PAR1"sv, 0, FileKind::parquet},
                                        Magic{"ARROW1"sv, 0, FileKind::arrow},
                                        Magic{"SQLite format 3\0"sv, 0, FileKind::sqlite},
                                        Magic{"%PDF-"sv, 0, FileKind::pdf},
                                        Magic{"\x89PNG\r\n"sv, 0, FileKind::image},
                                        Magic{"\xff\xd8\xff"sv, 0, FileKind::image},
                                        Magic{"GIF8"sv, 0, FileKind::image},
                                        Magic{"\x7f"
                                              "ELF"sv,
                                              0, FileKind::program},
                                        Magic{"lmgg"sv, 0, FileKind::ggml},
                                        Magic{"fmgg"sv, 0, FileKind::ggml},
                                        Magic{"tjgg"sv, 0, FileKind::ggml},
                                        Magic{"\xff\xfe"sv, 0, FileKind::utf16},
                                        Magic{"\xfe\xff"sv, 0, FileKind::utf16}};
        return all;
    }

    [[nodiscard]] bool is_safetensors() const {
        constexpr std::uint64_t longest_header = 100'000'000;
        std::uint64_t length = 0;
        if (text_.size() <= sizeof length || text_[sizeof length] != '{') return false;
        std::memcpy(&length, text_.data(), sizeof length);
        return length >= 2 && length <= longest_header;
    }

    /// A zip archive's first header has the name of its first file; torch.save begins with NAME/data.pkl.
    [[nodiscard]] FileKind zip_kind() const {
        return text_.substr(0, 512).find("data.pkl") == text_.npos ? FileKind::zip : FileKind::torch_zip;
    }

    /// Protocols 2 to 5 say so first; what follows is an operation, which the text of other formats is not.
    [[nodiscard]] bool is_pickle() const {
        return text_.size() >= 2 && text_[0] == '\x80' && text_[1] >= 2 && text_[1] <= 5;
    }

    /// A map whose first key is a short string, as Flax's trees of parameters are.
    [[nodiscard]] bool is_message_pack() const {
        const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(text_[i]); };
        if (text_.size() < 3 || byte(0) <= 0x80U || byte(0) > 0x8FU || byte(1) <= 0xA0U || byte(1) > 0xBFU)
            return false;
        const std::string_view key = text_.substr(2, byte(1) - 0xA0U);
        return std::all_of(key.begin(), key.end(),
                           [](char character) { return character > ' ' && character < '\x7F'; });
    }

    [[nodiscard]] std::optional<FileKind> llm_c_kind() const {
        std::int32_t magic = 0;
        if (text_.size() < sizeof magic || std::endian::native != std::endian::little) return std::nullopt;
        std::memcpy(&magic, text_.data(), sizeof magic);
        switch (magic) {
            case 20240326:
                return FileKind::llm_c_checkpoint;
            case 20240520:
            case 20240801:
                return FileKind::llm_c_tokens;
            case 20240327:  // the state to compare with
            case 20240328:  // the tokenizer
            case 20240522:  // HellaSwag
            case 20240527:  // the optimiser
                return FileKind::llm_c_other;
            default:
                return std::nullopt;
        }
    }

    /// What follows a byte order mark and white space.
    [[nodiscard]] std::string_view trimmed() const {
        std::string_view text = text_;
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        return text;
    }

    [[nodiscard]] FileKind text_kind() const {
        const auto is_binary = [](char character) {
            const auto byte = static_cast<unsigned char>(character);
            return (byte < 0x20U && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f') || byte == 0x7FU;
        };
        if (std::any_of(text_.begin(), text_.end(), is_binary)) return FileKind::unknown;
        const std::string_view text = trimmed();
        if (text.starts_with("version http") && text.find("\noid ") != text.npos) return FileKind::git_lfs_pointer;
        if (text.starts_with("/annex/objects/")) return FileKind::git_annex_pointer;
        const bool one_line = text.find('\n') == text.npos || text.find('\n') + 1 == text.size();
        if (one_line && size_ < file_head_size && text.starts_with("../")) return FileKind::link_as_text;
        if (text.starts_with('<')) return markup_kind(text);
        if (text.starts_with('{') || text.starts_with('[')) return FileKind::json;
        return FileKind::text;
    }

    [[nodiscard]] static FileKind markup_kind(std::string_view text) {
        std::string lower(text);
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char character) { return static_cast<char>(std::tolower(character)); });
        for (const std::string_view tag : {"<html", "<!doctype html", "<head", "<body", "<title"}) {
            if (lower.find(tag) != lower.npos) return FileKind::web_page;
        }
        return lower.starts_with("<?xml") || lower.find("</") != lower.npos ? FileKind::xml : FileKind::text;
    }

    std::string_view text_;
    std::size_t size_;
};

/// Whether a path leads somewhere, be it by a symbolic link to nothing, which std::filesystem::exists passes over.
[[nodiscard]] inline bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

}  // namespace detail

/// What stands after "is" in a message: "a Git-LFS pointer in place of the file".
[[nodiscard]] constexpr std::string_view name_of(FileKind kind) {
    return detail::file_kind_texts[static_cast<std::size_t>(kind)].name;
}

/// What the first bytes of a file say; `size` is that of the whole file.
[[nodiscard]] inline FileKind file_kind(std::span<const std::byte> head, std::size_t size) {
    return detail::FileHead(head, size).kind();
}

/// What a path leads to. What cannot be opened is unknown.
[[nodiscard]] inline FileKind file_kind(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return detail::is_there(path) ? FileKind::dangling_link : FileKind::missing;
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

/// What to do about a file of a kind that was not expected, as a command where one is enough.
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
            return std::string(detail::file_kind_texts[static_cast<std::size_t>(kind)].advice);
    }
}

/// Throws "PATH: is FOUND, expected EXPECTED; ADVICE".
[[noreturn]] inline void fail_kind(const std::filesystem::path& path, FileKind kind, std::string_view expected,
                                   std::span<const std::byte> head = {}) {
    std::string found(name_of(kind));
    if ((kind == FileKind::text || kind == FileKind::json) && !head.empty()) {
        const std::string_view line = detail::FileHead(head, head.size()).first_line();
        found += " that begins \"" + printable(line, 60) + '"';
    }
    throw FileError(path.string(),
                    "is " + found + ", expected " + std::string(expected) + "; " + advice_on(kind, path));
}

namespace detail {

/// Throws why a path cannot be opened: that it is a link to nothing, or else what the system says about `error`.
[[noreturn]] inline void throw_not_opened(const std::filesystem::path& path, int error) {
    if (error != ENOENT || !is_there(path)) throw_system_error(path, "cannot be opened", error);
    std::error_code ignored;
    const std::string target = std::filesystem::read_symlink(path, ignored).string();
    throw FileError(path.string(), "is a symbolic link to " + in_quotes(target) + ", which does not exist; " +
                                       advice_on(FileKind::dangling_link, path));
}

}  // namespace detail

}  // namespace lamina::io
