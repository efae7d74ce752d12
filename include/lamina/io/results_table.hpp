// SPDX-License-Identifier: MIT
// ResultsTable: measured values of several models as a Markdown table, with their differences to the first.
#pragma once

#include <lamina/io/detail/number_text.hpp>

#include <lamina/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io {

/// Whether a column is followed by one of differences to the first row.
enum class Differences { hidden, shown };

/// A column of numbers.
struct ResultsColumn {
    std::string heading;
    int decimals = 4;
    Differences differences = Differences::hidden;  ///< shown: a column "Δ HEADING", with the same decimals, follows
};

namespace detail {

/// Columns that UTF-8 text of one column per character takes.
inline std::size_t text_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char character) {
        return (static_cast<unsigned char>(character) & 0xC0U) != 0x80U;
    }));
}

}  // namespace detail

/// A table of one labelled row per model, whose Markdown source is aligned too.
class ResultsTable {
public:
    /// `label_heading` stands over the labels of the rows.
    ResultsTable(std::string label_heading, std::vector<ResultsColumn> columns) : columns_(std::move(columns)) {
        std::vector<std::string> headings{escaped(label_heading)};
        for (const ResultsColumn& column : columns_) {
            headings.push_back(escaped(column.heading));
            if (column.differences == Differences::shown) headings.push_back("Δ " + escaped(column.heading));
        }
        cells_.push_back(std::move(headings));
    }

    /// Adds a row; a value that was not measured is std::nullopt, and shown as an empty cell.
    ///
    /// errors  ArgumentError unless there is one value per column
    void add_row(const std::string& label, std::vector<std::optional<double>> values) {
        if (values.size() != columns_.size()) {
            throw ArgumentError("lamina: ResultsTable::add_row: " + std::to_string(values.size()) +
                                " values, expected " + std::to_string(columns_.size()) + ", one per column");
        }
        std::vector<std::string> row{escaped(label)};
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const int decimals = columns_[i].decimals;
            row.push_back(values[i] ? detail::decimal_text(*values[i], decimals) : "");
            if (columns_[i].differences == Differences::shown) row.push_back(difference(values[i], i));
        }
        if (cells_.size() == 1) first_row_ = std::move(values);
        cells_.push_back(std::move(row));
    }

    /// The table, in GitHub's dialect, with a final newline. Numbers are aligned to the right.
    [[nodiscard]] std::string markdown() const {
        std::vector<std::size_t> widths(cells_.front().size(), 3);
        for (const std::vector<std::string>& row : cells_) {
            for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], detail::text_width(row[i]));
        }
        std::string text = line_of(cells_.front(), widths);
        for (std::size_t i = 0; i < widths.size(); ++i) {
            text += i == 0 ? "| " + std::string(widths[i], '-') : " | " + std::string(widths[i] - 1, '-') + ":";
        }
        text += " |\n";
        for (std::size_t row = 1; row < cells_.size(); ++row) text += line_of(cells_[row], widths);
        return text;
    }

private:
    [[nodiscard]] static std::string escaped(const std::string& text) {
        std::string result;
        for (const char character : text) {
            if (character == '|') result += '\\';
            result += character == '\n' ? ' ' : character;
        }
        return result;
    }

    [[nodiscard]] std::string difference(const std::optional<double>& value, std::size_t column) const {
        if (cells_.size() == 1 || !value || !first_row_[column]) return "";
        const std::string text = detail::decimal_text(*value - *first_row_[column], columns_[column].decimals);
        if (text.find_first_not_of("-0.") == text.npos) return text.substr(text.find('0'));  // no sign on a zero
        return text.starts_with('-') || text == "nan" ? text : "+" + text;
    }

    [[nodiscard]] static std::string line_of(const std::vector<std::string>& row,
                                             const std::vector<std::size_t>& widths) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - detail::text_width(row[i]), ' ');
            line += i == 0 ? "| " + row[i] + padding : " | " + padding + row[i];
        }
        return line + " |\n";
    }

    std::vector<ResultsColumn> columns_;
    std::vector<std::optional<double>> first_row_;
    std::vector<std::vector<std::string>> cells_;  // the first row are the headings
};

}  // namespace lamina::io
