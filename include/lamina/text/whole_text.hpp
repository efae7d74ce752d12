// SPDX-License-Identifier: MIT
// WholeText: all of a text file or pipe at once, for readers that go back and forth in it.
#pragma once

#include <lamina/text/text_source.hpp>

#include <lamina/io/memory_map.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace lamina::text {

/// A plain file is mapped; a pipe, and what gzip or zstd have compressed, is read into memory. Move-only; the text
/// stays where it is on a move. What counts as text, and what becomes of a byte order mark, is as for TextSource.
class WholeText {
public:
    /// errors  FileError as TextSource and MemoryMap
    explicit WholeText(const std::filesystem::path& path) {
        TextSource source(path);
        std::error_code ignored;
        if (!source.compressed() && std::filesystem::is_regular_file(path, ignored)) {
            map_.emplace(path);
            const std::span<const std::byte> bytes = map_->bytes().subspan(source.passed_over());
            text_ = {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
            return;
        }
        constexpr std::size_t chunk_bytes = std::size_t{1} << 16U;
        std::size_t size = 0;
        for (std::size_t count = 1; count > 0; size += count) {
            bytes_.resize(size + chunk_bytes);
            count = source.read(std::span(bytes_).subspan(size));
        }
        bytes_.resize(size);
        text_ = {bytes_.data(), bytes_.size()};
    }

    [[nodiscard]] std::string_view text() const noexcept { return text_; }

private:
    std::optional<io::MemoryMap> map_{};
    std::vector<char> bytes_{};
    std::string_view text_{};
};

}  // namespace lamina::text
