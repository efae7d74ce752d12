// SPDX-License-Identifier: MIT
#include <lamina/io/file_kind.hpp>

#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors.hpp>

#include "io/safetensors_sample.hpp"
#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;
using namespace std::string_view_literals;

namespace {

struct KnownStart {
    std::string_view bytes;
    FileKind kind;
};

const std::vector<KnownStart> known_starts{
    {""sv, FileKind::empty},
    {"\x08\0\0\0\0\0\0\0{}      "sv, FileKind::safetensors},
    {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n"sv, FileKind::git_lfs_pointer},
    {"version https://hawser.github.com/spec/v1\noid sha256:4d7a\nsize 5\n"sv, FileKind::git_lfs_pointer},
    {"/annex/objects/SHA256E-s5--4d7a.safetensors\n"sv, FileKind::git_annex_pointer},
    {"../../blobs/248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707"sv, FileKind::link_as_text},
    {"PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\x12\0archive/data.pkl"sv, FileKind::torch_zip},
    {"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\0\0config.json"sv, FileKind::zip},
    {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."sv, FileKind::pickle},
    {"GGUF\x03\0\0\0\0\0\0\0"sv, FileKind::gguf},
    {"lmgg\x01\0\0\0"sv, FileKind::ggml},
    {"\x89HDF\r\n\x1a\n\0\0"sv, FileKind::hdf5},
    {"fmgg is what"sv, FileKind::text},
    {"GGUF is a format\x1b[0m of\ftext"sv, FileKind::text},
    {"\x81\xabtransformer\x84\xa1h\x8c"sv, FileKind::message_pack},
    {"\x93NUMPY\x01\0v\0{'descr': '<u2'"sv, FileKind::numpy},
    {"\xc6\xd7\x34\x01\x03\0\0\0"sv, FileKind::llm_c_checkpoint},
    {"\x88\xd8\x34\x01\x01\0\0\0"sv, FileKind::llm_c_tokens},
    {"\xa1\xd9\x34\x01\x07\0\0\0"sv, FileKind::llm_c_tokens},
    {"\xc7\xd7\x34\x01\x02\0\0\0"sv, FileKind::llm_c_other},
    {"\xc8\xd7\x34\x01\x02\0\0\0"sv, FileKind::llm_c_other},
    {"\x1f\x8b\x08\0\0\0\0\0\0\x03"sv, FileKind::gzip},
    {"\x28\xb5\x2f\xfd\x24\x05"sv, FileKind::zstd},
    {"\x50\x2a\x4d\x18\x08\0\0\0"sv, FileKind::zstd},
    {"\x5f\x2a\x4d\x18\x08\0\0\0"sv, FileKind::zstd},
    {"\xfd\x37zXZ\0\0\x04"sv, FileKind::xz},
    {"BZh91AY&SY"sv, FileKind::bzip2},
    {"BZh9\x17\x72\x45\x38\x50\x90\0\0"sv, FileKind::bzip2},
    {"BZh9 is what one begins with"sv, FileKind::text},
    {"\x04\x22\x4d\x18\x64"sv, FileKind::lz4},
    {"\x1f\x9d\x90"sv, FileKind::compress},
    {"PK\x05\x06\0\0"sv, FileKind::zip},
    {"7z\xbc\xaf\x27\x1c\0\x04"sv, FileKind::seven_zip},
    {"Rar!\x1a\x07\x01\0"sv, FileKind::rar},
    {"PAR1\x15\x04\x15"sv, FileKind::parquet},
    {"PAR1, 4 and 5"sv, FileKind::text},
    {"ARROW1\0\0"sv, FileKind::arrow},
    {"\xff\xff\xff\xff\x78\x01\0\0"sv, FileKind::arrow},
    {"Obj\x01\x04\x14"sv, FileKind::avro},
    {"Objects"sv, FileKind::text},
    {"SQLite format 3\0"sv, FileKind::sqlite},
    {"%PDF-1.7\n"sv, FileKind::pdf},
    {"{\\rtf1\\ansi"sv, FileKind::rtf},
    {"\177ELF\x02"sv, FileKind::program},
    {"GIF89a\x01\0"sv, FileKind::image},
    {"<!DOCTYPE html>\n<html class=\"\">"sv, FileKind::web_page},
    {"\xEF\xBB\xBF \n<HTML><HEAD>"sv, FileKind::web_page},
    {"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\">"sv, FileKind::web_page},
    {"<!-- saved -->\n<html lang=\"en\">"sv, FileKind::web_page},
    {"<!-- saved"sv, FileKind::text},
    {"<mediawiki><page><title>Anarchism</title>"sv, FileKind::xml},
    {"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>"sv, FileKind::xml},
    {"<Error><Code>NoSuchKey</Code></Error>"sv, FileKind::xml},
    {"<s> is a token"sv, FileKind::text},
    {"<headline> is none of a page's"sv, FileKind::text},
    {"{\"error\": \"Entry not found\"}"sv, FileKind::json},
    {"\xEF\xBB\xBF\r\n [1]"sv, FileKind::json},
    {"\xff\xfe{\0}\0"sv, FileKind::utf16},
    {"\xfe\xff\0{\0}"sv, FileKind::utf16},
    {"\xff\xfe\0\0{\0\0\0"sv, FileKind::utf32},
    {"\0\0\xfe\xff\0\0\0{"sv, FileKind::utf32},
    {"Entry not found"sv, FileKind::text},
    {"Zo\xC3\xAB, \tversion https"sv, FileKind::text},
    {"../ is where\nthe text goes on"sv, FileKind::text},
    {"../ is where"sv, FileKind::text},
    {"\x01\x02\x03"sv, FileKind::unknown},
    {"\x80\x0b"sv, FileKind::unknown},
    {"\x81\xa5h\0"sv, FileKind::unknown}};

}  // namespace

TEST_CASE("a file is called what its first bytes say") {
    for (const auto& [start, expected] : known_starts) {
        CAPTURE(std::string(start));
        CHECK(name_of(file_kind(as_bytes(start), start.size())) == name_of(expected));
    }
    std::string tar(512, '\0');
    tar.replace(0, 11, "config.json");
    CHECK(file_kind(as_bytes(tar), tar.size()) == FileKind::unknown);
    tar.replace(257, 5, "ustar");
    CHECK(file_kind(as_bytes(tar), tar.size()) == FileKind::tar);
    // The length of a header may spell anything.
    const std::string header("PK\x03\x04\0\0\0\0{\"a\":", 13);
    CHECK(file_kind(as_bytes(header), header.size()) == FileKind::safetensors);
}

TEST_CASE("a path is called what it leads to, whatever its name") {
    const ScratchFolder folder;
    CHECK(file_kind(folder / "nothing") == FileKind::missing);
    CHECK(file_kind(folder.path()) == FileKind::folder);
    CHECK(file_kind("/dev/null") == FileKind::special);
    CHECK(file_kind(write(folder / "model.safetensors", "GGUF\x03")) == FileKind::gguf);
    std::filesystem::create_symlink("model.safetensors", folder / "link");
    CHECK(file_kind(folder / "link") == FileKind::gguf);
    std::filesystem::create_symlink("../../blobs/4d7a", folder / "dangling");
    CHECK(file_kind(folder / "dangling") == FileKind::dangling_link);
}

TEST_CASE("every reader names what it is given in place of its own, and says what to do") {
    const ScratchFolder folder;
    const auto weights = [&](std::string_view bytes) {
        const auto file = write(folder / "model.safetensors", bytes);
        return error_text([&] { SafetensorsFile{file}; }, file);
    };
    const auto config = [&](std::string_view bytes) {
        const auto file = write(folder / "config.json", bytes);
        return error_text([&] { JsonFile{file}; }, file);
    };
    const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n";
    CHECK(weights(pointer) ==
          "is a Git-LFS pointer in place of the file, expected a safetensors file; run git lfs pull in its repository, "
          "or "
          "download it again");
    CHECK(
        config(pointer) ==
        "is a Git-LFS pointer in place of the file, expected JSON; run git lfs pull in its repository, or download it "
        "again");
    CHECK(weights("Entry not found") ==
          "is text that begins \"Entry not found\", expected a safetensors file; download it again");
    CHECK(weights("") == "is empty, expected a safetensors file; download or write it again");
    CHECK(config("") == "is empty, expected JSON; download or write it again");
    CHECK_THAT(config("<!doctype html>"),
               Catch::Matchers::StartsWith("is a web page in place of the file, expected JSON; "));
    CHECK_THAT(config("{\"n_layer\": 12,}"), Catch::Matchers::StartsWith("is not valid JSON: at line 1, column 16: "));
    CHECK_THAT(config("n_layer: 12"), Catch::Matchers::StartsWith("is not valid JSON: at line 1, column 2: "));
    CHECK(weights("{\"error\": 404}\n") ==
          "is JSON that begins \"{\"error\": 404}\", expected a safetensors file; download it again");
}

TEST_CASE("a pickle's advice is a line for a shell that holds its path, whatever that is") {
    CHECK_THAT(advice_on(FileKind::pickle, "a/pytorch_model.bin"),
               Catch::Matchers::EndsWith(" a/pytorch_model.bin a/pytorch_model.safetensors"));
    CHECK_THAT(
        advice_on(FileKind::torch_zip, "it's here/model.safetensors"),
        Catch::Matchers::EndsWith(R"( 'it'\''s here/model.safetensors' 'it'\''s here/model.converted.safetensors')"));
    CHECK(advice_on(FileKind::llm_c_checkpoint, "gpt2_124M.bin") ==
          "make a folder of it with convert --llm-c gpt2_124M.bin --to hugging-face --out DIR");
}

TEST_CASE("a link to nothing is named with its target") {
    const ScratchFolder folder;
    std::filesystem::create_symlink("../../blobs/4d7a", folder / "config.json");
    CHECK_THAT(error_text([&] { JsonFile{folder / "config.json"}; }, folder / "config.json"),
               Catch::Matchers::StartsWith(
                   R"(is a symbolic link to "../../blobs/4d7a", which does not exist; download it again)"));
}
