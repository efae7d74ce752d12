// SPDX-License-Identifier: MIT
// The standard library's headers as a corpus.
#include "common/header_corpus.hpp"

#include "support/catch.hpp"
#include "text/support.hpp"

using Catch::Matchers::Contains;
using namespace common;
using lamina_tests::joined;
using lamina_tests::TextFolder;

namespace {

std::vector<std::string> names(const std::vector<std::filesystem::path>& files) {
    std::vector<std::string> found;
    for (const auto& file : files) found.push_back(file.filename().string());
    return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("headers come folder by folder, sorted, each once, up to the budget", "[text]") {
    const TextFolder folder;
    std::filesystem::create_directories(folder.path() / "z" / "inner");
    std::filesystem::create_directories(folder.path() / "a");
    folder.file("z/vector", "12345678");
    folder.file("z/inner/b.h", "1234");
    folder.file("z/notes.txt", "not a header");
    folder.file("z/empty.h", "");
    folder.file("a/a.hpp", "1234");
    const std::vector<std::filesystem::path> folders = {folder.path() / "z", folder.path()};
    CHECK(names(find_headers({.folders = folders})) == Names{"b.h", "vector", "a.hpp"});
    CHECK(names(find_headers({.folders = folders, .byte_budget = 16})) == Names{"b.h", "vector", "a.hpp"});
    CHECK(names(find_headers({.folders = folders, .byte_budget = 15})) == Names{"b.h", "vector"});
}

TEST_CASE("without headers the error names the folders searched", "[text]") {
    const TextFolder folder;
    const std::vector<std::filesystem::path> folders = {folder.path(), "/no/such/folder"};
    CHECK_THROWS_AS(find_headers({.folders = folders}), lamina::Error);
    CHECK_THROWS_WITH(find_headers({.folders = folders}),
                      "no C++ headers found in " + folder.path().string() + ", /no/such/folder");
    folder.file("large.h", "12345");
    CHECK_THROWS_WITH(find_headers({.folders = folders, .byte_budget = 4}),
                      Contains("larger than the budget of 4 bytes"));
}

TEST_CASE("the newest of several versions is taken", "[text]") {
    const TextFolder folder;
    for (const char* const version : {"9", "12", "backward"}) {
        std::filesystem::create_directory(folder.path() / version);
    }
    CHECK(detail::newest_version(folder.path()).filename() == "12");
    CHECK(detail::newest_version(folder.path() / "missing").empty());
}

TEST_CASE("a licence comment is stripped with what stands before it, and nothing else", "[text]") {
    const std::string code = "#pragma once\n// no licence here\n";
    CHECK(without_licence_comment("// <any> -*- C++ -*-\n\n// Copyright (C) 2020\n// more\n\n" + code) == code);
    CHECK(without_licence_comment("/* LICENSE */ /* about */\n" + code) == "/* about */\n" + code);
    CHECK(without_licence_comment("/** @file any */\n" + code) == "/** @file any */\n" + code);
    CHECK(without_licence_comment(code) == code);
    CHECK(without_licence_comment("\n" + code + "// Copyright\n") == "\n" + code + "// Copyright\n");
    CHECK(without_licence_comment("/* copyright, never closed").empty());
    CHECK(without_licence_comment("").empty());
}

TEST_CASE("headers become one document each", "[text]") {
    const TextFolder folder;
    folder.file("a.h", "// Copyright\nint a;\n");
    folder.file("b.h", "int b;\xFF\n");
    const auto files = find_headers({.folders = {folder.path()}});
    CHECK(joined(header_documents(files)) == std::vector<std::string>{"int a;\n", "int b;\uFFFD\n"});
    CHECK(joined(header_documents(files, LicenceComment::kept)).at(0) == "// Copyright\nint a;\n");
}

TEST_CASE("this machine's standard headers are found, the same every time", "[text]") {
    const HeaderCorpusOptions options = {.byte_budget = 300'000};
    if (standard_header_folders().empty()) LAMINA_SKIP("no standard headers in the usual folders");
    const auto files = find_headers(options);
    CHECK(files == find_headers(options));
    std::uintmax_t bytes = 0;
    for (const auto& file : files) bytes += std::filesystem::file_size(file);
    CHECK(bytes <= options.byte_budget);
    CHECK(joined(header_documents(files)).size() == files.size());
}
