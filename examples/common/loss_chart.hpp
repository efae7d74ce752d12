// SPDX-License-Identifier: MIT
// A picture of training losses over optimiser steps, with the events of the run marked, as one self-contained SVG file.
#pragma once

#include "svg.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/atomic_file.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace common {

/// One measured loss.
struct LossPoint {
    double step = 0;  ///< optimiser steps
    double loss = 0;  ///< nats per token; one that is not finite leaves a gap
};

/// A curve of the chart.
struct LossSeries {
    std::string label;
    std::vector<LossPoint> points;  ///< steps rise
    /// On text that is not trained on, drawn as dots with the last value beside them; steps rise.
    std::vector<LossPoint> held_out{};
};

/// Something that happened at a step, drawn as a vertical line.
struct ChartMark {
    double step = 0;       ///< optimiser steps
    std::size_t kind = 0;  ///< index into LossChart::mark_kinds, which decides the colour
    std::string label{};   ///< shown when the pointer rests on the line
};

/// A stretch of steps in which something goes on, shaded, with its name above.
struct ChartStretch {
    double first = 0;  ///< optimiser steps
    double last = 0;
    std::string label;
};

/// All that the picture shows.
struct LossChart {
    std::string title;
    std::vector<LossSeries> series;
    std::vector<std::string> mark_kinds{};  ///< names for the legend, which leaves out those without a mark
    std::vector<ChartMark> marks{};
    std::vector<ChartStretch> stretches{};
    std::size_t smoothing = 1;  ///< points in the centred average that is drawn; above 1 the raw curve stays, pale
    double highest_loss = std::numeric_limits<double>::infinity();  ///< nats; curves are cut above it
};

namespace detail {

inline constexpr double chart_width = 960;
inline constexpr double chart_height = 540;

/// The part of the picture inside the axes, and the scales along its edges.
struct ChartFrame {
    double left = 76, right = chart_width - 64, top = 0, bottom = chart_height - 58;
    Axis steps{};
    Axis losses{};

    [[nodiscard]] double x(double step) const { return left + steps.fraction(step) * (right - left); }
    [[nodiscard]] double y(double loss) const { return bottom - losses.fraction(loss) * (bottom - top); }
};

inline std::string series_colour(std::size_t index) {
    constexpr std::array colours{"#12467b", "#d1495b", "#2e8b6f", "#8a6d3b", "#6c4f9c",
                                 "#e08a1e", "#3aa5c4", "#7a7f87", "#a3b51f", "#c45fa0"};
    return colours[index % colours.size()];
}

inline std::string mark_colour(std::size_t kind) {
    constexpr std::array colours{"#e6a117", "#4fb3bf", "#9b6fc4", "#47525e", "#7cab3d", "#b5835a"};
    return colours[kind % colours.size()];
}

/// The average of up to `window` points around each, gaps left out.
inline std::vector<LossPoint> smoothed(const std::vector<LossPoint>& points, std::size_t window) {
    std::vector<LossPoint> result = points;
    const std::size_t reach = window / 2;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (!std::isfinite(points[i].loss)) continue;
        double sum = 0, count = 0;
        for (std::size_t j = i - std::min(i, reach); j < std::min(points.size(), i + reach + 1); ++j) {
            if (!std::isfinite(points[j].loss)) continue;
            sum += points[j].loss;
            count += 1;
        }
        result[i].loss = sum / count;
    }
    return result;
}

inline void fit_axes(const LossChart& chart, ChartFrame& frame) {
    Range steps, losses;
    for (const LossSeries& series : chart.series) {
        for (const std::vector<LossPoint>* points : {&series.points, &series.held_out}) {
            for (const LossPoint& point : *points) {
                if (!std::isfinite(point.loss)) continue;
                steps.include(point.step);
                losses.include(std::min(point.loss, chart.highest_loss));
            }
        }
    }
    for (const ChartMark& mark : chart.marks) steps.include(mark.step);
    for (const ChartStretch& stretch : chart.stretches) {
        steps.include(stretch.first);
        steps.include(stretch.last);
    }
    frame.steps = Axis(steps, 10, 1.0);
    frame.losses = Axis(losses.widened(0.04), 7);
}

inline std::string curve(const ChartFrame& frame, const std::vector<LossPoint>& points, const std::string& style) {
    std::string path;
    bool pen_down = false;
    for (const LossPoint& point : points) {
        if (std::isfinite(point.loss)) {
            const std::string place = svg_number(frame.x(point.step)) + " " + svg_number(frame.y(point.loss));
            path += pen_down ? "L" + place : "M" + place + "h0";  // h0: a point between two gaps is a dot
        }
        pen_down = std::isfinite(point.loss);
    }
    return "<path d=\"" + path + "\" " + style + "/>\n";
}

inline std::string grid(const ChartFrame& frame) {
    std::string svg = "<g stroke=\"#e7eaee\">\n";
    for (const double tick : frame.losses.ticks())
        svg += svg_line(frame.left, frame.y(tick), frame.right, frame.y(tick));
    svg += "</g>\n<g fill=\"#5b6570\" font-size=\"12\">\n";
    for (const double tick : frame.losses.ticks()) {
        svg += svg_text(frame.left - 10, frame.y(tick) + 4, frame.losses.label(tick), "text-anchor=\"end\"");
    }
    for (const double tick : frame.steps.ticks()) {
        svg += svg_text(frame.x(tick), frame.bottom + 20, frame.steps.label(tick), "text-anchor=\"middle\"");
    }
    const double middle = (frame.top + frame.bottom) / 2;
    svg += svg_text((frame.left + frame.right) / 2, frame.bottom + 44, "optimiser step", "text-anchor=\"middle\"");
    svg += svg_text(20, middle, "loss (nats per token)",
                    "text-anchor=\"middle\" transform=\"rotate(-90 20 " + svg_number(middle) + ")\"");
    svg += "</g>\n<g stroke=\"#9aa4af\">\n" + svg_line(frame.left, frame.bottom, frame.right, frame.bottom);
    for (const double tick : frame.steps.ticks()) {
        svg += svg_line(frame.x(tick), frame.bottom, frame.x(tick), frame.bottom + 5);
    }
    return svg + "</g>\n";
}

/// Lays out the entries from the left, in as many rows as they need; `bottom` becomes the last row's base line.
inline std::string legend(const LossChart& chart, const ChartFrame& frame, double& bottom) {
    std::string svg = "<g fill=\"#39424c\" font-size=\"13\">\n";
    double x = frame.left;
    const auto entry = [&](const std::string& label, const std::string& stroke, bool dot = false) {
        const double width = 34 + svg_text_width(label, 13) + 20;
        if (x > frame.left && x + width > frame.right) {
            x = frame.left;
            bottom += 20;
        }
        svg += "<g stroke=\"" + stroke + ">" + svg_line(x, bottom - 4.5, x + 24, bottom - 4.5) + "</g>";
        if (dot) svg += svg_dot(x + 12, bottom - 4.5);
        svg += svg_text(x + 32, bottom, label, "");
        x += width;
    };
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        entry(chart.series[i].label, series_colour(i) + "\" stroke-width=\"2.5\"");
    }
    const auto measured = [](const LossSeries& series) { return !series.held_out.empty(); };
    if (std::any_of(chart.series.begin(), chart.series.end(), measured)) {
        entry("on held-out text", "#5b6570\" stroke-width=\"2\" stroke-dasharray=\"5 4\" fill=\"#5b6570\"", true);
    }
    for (std::size_t i = 0; i < chart.mark_kinds.size(); ++i) {
        const auto of_this_kind = [&](const ChartMark& mark) { return mark.kind == i; };
        if (std::none_of(chart.marks.begin(), chart.marks.end(), of_this_kind)) continue;
        entry(chart.mark_kinds[i], mark_colour(i) + "\" stroke-width=\"10\" stroke-opacity=\"0.75\"");
    }
    return svg + "</g>\n";
}

inline std::string stretches(const LossChart& chart, const ChartFrame& frame) {
    std::string svg;
    for (const ChartStretch& stretch : chart.stretches) {
        const double left = frame.x(stretch.first), right = frame.x(stretch.last);
        svg += svg_rectangle(left, frame.top, right - left, frame.bottom - frame.top, "fill=\"#f3f0e6\"");
        svg += svg_text((left + right) / 2, frame.top - 6, stretch.label,
                        "text-anchor=\"middle\" fill=\"#5b6570\" font-size=\"12\"");
    }
    return svg;
}

inline std::string mark_lines(const LossChart& chart, const ChartFrame& frame) {
    std::string svg = "<g stroke-width=\"1.25\" stroke-opacity=\"0.75\">\n";
    for (const ChartMark& mark : chart.marks) {
        const std::string x = svg_number(frame.x(mark.step));
        svg += "<line x1=\"" + x + "\" y1=\"" + svg_number(frame.top) + "\" x2=\"" + x + "\" y2=\"" +
               svg_number(frame.bottom) + "\" stroke=\"" + mark_colour(mark.kind) + "\">" + "<title>" +
               xml_text(mark.label) + "</title></line>\n";
    }
    return svg + "</g>\n";
}

inline std::string curves(const LossChart& chart, const ChartFrame& frame) {
    std::string svg =
        "<g fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" clip-path=\"url(#frame)\">\n";
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const std::vector<LossPoint>& points = chart.series[i].points;
        const std::string stroke = "stroke=\"" + series_colour(i) + "\" ";
        if (chart.smoothing > 1) svg += curve(frame, points, stroke + "stroke-width=\"1\" stroke-opacity=\"0.25\"");
        svg += curve(frame, smoothed(points, chart.smoothing), stroke + "stroke-width=\"2\"");
    }
    return svg + "</g>\n";
}

/// Dots where a curve was measured on held-out text, joined by dashes, and at the right edge the last of the values.
inline std::string held_out(const LossChart& chart, const ChartFrame& frame) {
    struct Ending {
        double y;
        std::string text, colour;
    };
    std::vector<Ending> endings;
    std::string svg;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const std::vector<LossPoint>& points = chart.series[i].held_out;
        if (points.empty()) continue;
        const std::string colour = series_colour(i);
        svg += "<g stroke=\"" + colour + "\" fill=\"" + colour + "\" clip-path=\"url(#frame)\">\n" +
               curve(frame, points, R"(fill="none" stroke-width="2" stroke-dasharray="5 4")");
        for (const LossPoint& point : points) {
            if (std::isfinite(point.loss)) svg += svg_dot(frame.x(point.step), frame.y(point.loss));
        }
        svg += "</g>\n";
        const double last = points.back().loss;
        if (std::isfinite(last) && last <= chart.highest_loss)
            endings.push_back({frame.y(last), decimal_text(last, 4), colour});
    }
    // Values that are close together would be written over each other.
    std::sort(endings.begin(), endings.end(), [](const Ending& a, const Ending& b) { return a.y < b.y; });
    double lowest = -chart_height;
    for (const Ending& ending : endings) {
        const double y = std::max(ending.y, lowest + 15);
        svg += svg_text(frame.right + 9, y + 4, ending.text, "font-size=\"12\" fill=\"" + ending.colour + "\"");
        lowest = y;
    }
    return svg;
}

}  // namespace detail

/// The chart as SVG text.
///
/// errors  ArgumentError unless the kind of every mark has a name
[[nodiscard]] inline std::string draw_loss_chart(const LossChart& chart) {
    for (const ChartMark& mark : chart.marks) {
        if (mark.kind < chart.mark_kinds.size()) continue;
        throw lamina::ArgumentError("lamina: draw_loss_chart: a mark of kind " + std::to_string(mark.kind) +
                                    ", expected one of the " + std::to_string(chart.mark_kinds.size()) +
                                    " of mark_kinds");
    }
    detail::ChartFrame frame;
    detail::fit_axes(chart, frame);
    double legend_bottom = 62;
    const std::string legend = detail::legend(chart, frame, legend_bottom);
    frame.top = legend_bottom + (chart.stretches.empty() ? 18 : 36);
    std::string svg = detail::svg_start(detail::chart_width, detail::chart_height);
    // A little wider than the frame, for the dots on its edges.
    svg += detail::svg_clip("frame", frame.left - 5, frame.top, frame.right + 5, frame.bottom);
    svg += detail::svg_text(frame.left, 34, chart.title, "fill=\"#1d242b\" font-size=\"18\" font-weight=\"600\"");
    svg += legend + detail::stretches(chart, frame) + detail::grid(frame) + detail::mark_lines(chart, frame);
    svg += detail::curves(chart, frame) + detail::held_out(chart, frame);
    return svg + "</svg>\n";
}

/// Writes the chart to an SVG file, atomically.
///
/// errors  FileError as AtomicFile; as draw_loss_chart
inline void write_loss_chart(const std::filesystem::path& path, const LossChart& chart) {
    lamina::io::write_file(path, draw_loss_chart(chart));
}

}  // namespace common
