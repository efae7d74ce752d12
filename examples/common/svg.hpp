// SPDX-License-Identifier: MIT
// What a chart is drawn with: axes with round ticks, and the few SVG elements that it needs.
#pragma once

#include <lamina/io/detail/number_text.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace common::detail {

using lamina::io::detail::decimal_text;

/// The smallest interval that holds all numbers included so far.
struct Range {
    double low = 0;
    double high = 0;
    bool is_empty = true;

    void include(double value) {
        low = is_empty ? value : std::min(low, value);
        high = is_empty ? value : std::max(high, value);
        is_empty = false;
    }

    [[nodiscard]] Range widened(double share) const {
        const double margin = share * (high - low);
        return {low - margin, high + margin, is_empty};
    }
};

/// Maps an interval onto 0 to 1, with ticks at multiples of 1, 2 or 5 times a power of ten.
class Axis {
public:
    Axis() = default;

    /// An interval without length, as of a single point, is given one. Ticks are at least `finest` apart.
    Axis(Range range, int most_ticks, double finest = 0) : low_(range.low), high_(range.high) {
        const double least = std::max(1e-6, 1e-6 * std::abs(low_));
        if (high_ - low_ < least) {
            low_ -= 0.5 * std::max(1.0, std::abs(low_));
            high_ += 0.5 * std::max(1.0, std::abs(high_));
        }
        const double wanted = (high_ - low_) / most_ticks;
        const double power = std::pow(10.0, std::floor(std::log10(wanted)));
        tick_ = 10 * power;
        for (const double factor : {5.0, 2.0, 1.0}) {
            if (factor * power >= wanted) tick_ = factor * power;
        }
        tick_ = std::max(tick_, finest);
        decimals_ = std::max(0, static_cast<int>(-std::floor(std::log10(tick_) + 1e-9)));
    }

    [[nodiscard]] double fraction(double value) const { return (value - low_) / (high_ - low_); }

    [[nodiscard]] std::vector<double> ticks() const {
        std::vector<double> result;
        const double first = std::ceil(low_ / tick_ - 1e-9);
        const double last = std::floor(high_ / tick_ + 1e-9);
        // Ticks are finitely many, whatever the interval; adding zero turns -0 into 0.
        for (double i = first; i <= last && result.size() < 100; i += 1) result.push_back(i * tick_ + 0.0);
        return result;
    }

    [[nodiscard]] std::string label(double tick) const { return decimal_text(tick, decimals_); }

private:
    double low_ = 0;
    double high_ = 1;
    double tick_ = 1;
    int decimals_ = 0;
};

/// A coordinate: a tenth of a pixel is all that anyone sees.
inline std::string svg_number(double value) {
    std::string text = decimal_text(std::clamp(value, -1e5, 1e5), 1);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

/// Text as the content of an element, or of an attribute between double quotes.
inline std::string xml_text(std::string_view text) {
    std::string result;
    for (const char character : text) {
        switch (character) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            // XML has no spelling for most control characters.
            default:
                result += static_cast<unsigned char>(character) < 0x20U ? ' ' : character;
        }
    }
    return result;
}

/// Roughly, in pixels: fonts differ from machine to machine.
inline double svg_text_width(std::string_view text, double font_size) {
    return 0.54 * font_size * static_cast<double>(text.size());
}

inline std::string svg_start(double width, double height) {
    const std::string w = svg_number(width);
    const std::string h = svg_number(height);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h + "\" viewBox=\"0 0 " + w +
           " " + h +
           "\" font-family=\"Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif\">\n<rect width=\"" + w +
           "\" height=\"" + h + "\" fill=\"#ffffff\"/>\n";
}

inline std::string svg_line(double x1, double y1, double x2, double y2) {
    return "<line x1=\"" + svg_number(x1) + "\" y1=\"" + svg_number(y1) + "\" x2=\"" + svg_number(x2) + "\" y2=\"" +
           svg_number(y2) + "\"/>\n";
}

inline std::string svg_dot(double x, double y) {
    return "<circle cx=\"" + svg_number(x) + "\" cy=\"" + svg_number(y) + "\" r=\"4\"/>\n";
}

inline std::string svg_rectangle(double left, double top, double width, double height, const std::string& attributes) {
    return "<rect x=\"" + svg_number(left) + "\" y=\"" + svg_number(top) + "\" width=\"" + svg_number(width) +
           "\" height=\"" + svg_number(height) + "\" " + attributes + "/>\n";
}

inline std::string svg_text(double x, double y, std::string_view text, const std::string& attributes) {
    return "<text x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) + "\"" + (attributes.empty() ? "" : " ") +
           attributes + ">" + xml_text(text) + "</text>\n";
}

inline std::string svg_clip(const std::string& name, double left, double top, double right, double bottom) {
    return "<clipPath id=\"" + name + "\"><rect x=\"" + svg_number(left) + "\" y=\"" + svg_number(top) + "\" width=\"" +
           svg_number(right - left) + "\" height=\"" + svg_number(bottom - top) + "\"/></clipPath>\n";
}

}  // namespace common::detail
