// SPDX-License-Identifier: MIT
#include "common/loss_chart.hpp"

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <lamina/core/expects.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace common;
using namespace lamina_tests;
using Catch::Matchers::Contains;

namespace {

int count(std::string_view text, std::string_view part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

/// The path data of the last curve of a picture.
std::string last_curve(const std::string& svg) {
    const std::size_t start = svg.rfind(" d=\"") + 4;
    return svg.substr(start, svg.find('"', start) - start);
}

LossChart chart_of(std::vector<LossPoint> points) {
    return {.title = "t", .series = {{.label = "s", .points = std::move(points)}}};
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a loss chart shows every curve, mark and name") {
    const std::string svg = draw_loss_chart({
        .title = "LayerNorm removal",
        .series = {{.label = "removed", .points = {{0, 3.0}, {10, 4.0}}},
                   {.label = "control", .points = {{0, 3.0}, {10, 2.0}}}},
        .mark_kinds = {"ln_2", "ln_f"},
        .marks = {{.step = 2, .kind = 0, .label = "h.0.ln_2"},
                  {.step = 4, .kind = 0, .label = "h.1.ln_2"},
                  {.step = 6, .kind = 1}},
    });
    CHECK_THAT(svg,
               Catch::Matchers::StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"540\""));
    CHECK_THAT(svg, Catch::Matchers::EndsWith("</svg>\n"));
    for (const char* text : {">LayerNorm removal<", ">removed<", ">control<", ">ln_2<", ">ln_f<", ">optimiser step<",
                             ">loss (nats per token)<", "<title>h.1.ln_2</title>"}) {
        CHECK_THAT(svg, Contains(text));
    }
    CHECK(count(svg, "<path ") == 2);
    CHECK(count(svg, "<title>") == 3);
    CHECK(count(svg, "<g") == count(svg, "</g>"));
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("a loss chart places points on its scales") {
    // Steps span the frame from x = 76 to 896. Losses span y = 482 up to 80, with a margin of 4 % of their range.
    CHECK(last_curve(draw_loss_chart(chart_of({{0, 2.0}, {5, 3.0}, {10, 4.0}}))) == "M76 467.1h0L486 281L896 94.9");
}

TEST_CASE("a loss chart labels round numbers") {
    const std::string svg = draw_loss_chart(chart_of({{0, 2.95}, {300, 3.35}}));
    for (const char* label : {">0<", ">50<", ">100<", ">300<", ">3.0<", ">3.1<", ">3.3<"})
        CHECK_THAT(svg, Contains(label));
    CHECK(svg.find(">-0<") == std::string::npos);
    const std::string few_steps = draw_loss_chart(chart_of({{0, 2.95}, {2, 3.35}}));
    CHECK_THAT(few_steps, Contains(">1</text>"));
    CHECK(few_steps.find(">0.5<") == std::string::npos);
}

TEST_CASE("a loss that is not finite leaves a gap in its curve") {
    const std::string curve = last_curve(draw_loss_chart(chart_of({{0, 2.0}, {1, not_a_number}, {2, 3.0}, {3, 2.5}})));
    CHECK(count(curve, "M") == 2);
    CHECK(count(curve, "L") == 1);
}

TEST_CASE("smoothing averages the neighbours of a point and keeps the raw curve") {
    LossChart chart = chart_of({{0, 2.0}, {1, 5.0}, {2, 2.0}, {3, not_a_number}, {4, 4.0}});
    chart.smoothing = 3;
    const std::string svg = draw_loss_chart(chart);
    CHECK(count(svg, "<path ") == 2);
    const auto smooth = detail::smoothed(chart.series[0].points, 3);
    CHECK(smooth[0].loss == 3.5);
    CHECK(smooth[1].loss == 3.0);
    CHECK(smooth[2].loss == 3.5);
    CHECK(smooth[4].loss == 4.0);
    CHECK(smooth[4].step == 4);
    CHECK(detail::smoothed(chart.series[0].points, 1)[1].loss == 5.0);
}

TEST_CASE("a highest loss keeps one spike from flattening the rest of a chart") {
    LossChart chart = chart_of({{0, 3.0}, {1, 11088.0}, {2, 3.5}});
    CHECK(draw_loss_chart(chart).find(">3.4<") == std::string::npos);
    chart.highest_loss = 4;
    CHECK_THAT(draw_loss_chart(chart), Contains(">3.4<"));
}

TEST_CASE("losses on held-out text are dots, and the last of each curve is written beside it") {
    LossChart chart = chart_of({{0, 2.0}, {10, 4.0}});
    CHECK(draw_loss_chart(chart).find("held-out") == std::string::npos);
    chart.series[0].held_out = {{0, 5.0}, {5, not_a_number}, {10, 3.00004}};
    const std::string svg = draw_loss_chart(chart);
    CHECK_THAT(svg, Contains(">on held-out text<"));
    CHECK_THAT(svg, Contains(">3.0000<"));
    CHECK(count(svg, "<circle ") == 3);  // one of them in the legend
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("values at the end of two curves are not written over each other") {
    LossChart chart = chart_of({{0, 2.0}, {10, 4.0}});
    chart.series[0].held_out = {{10, 3.001}};
    chart.series.push_back({.label = "other", .points = {}, .held_out = {{10, 3.002}}});
    const std::string svg = draw_loss_chart(chart);
    const auto y_of = [&](std::string_view value) {
        const std::size_t line = svg.rfind("<text", svg.find(value));
        return std::stod(svg.substr(svg.find("y=\"", line) + 3));
    };
    CHECK(y_of(">3.0010<") - y_of(">3.0020<") == Approx(15).margin(0.1));
}

TEST_CASE("a stretch of steps is shaded and named") {
    LossChart chart = chart_of({{0, 2.0}, {10, 4.0}});
    chart.stretches = {{.first = 2, .last = 7, .label = "norms go"}};
    const std::string svg = draw_loss_chart(chart);
    // 82 of the 820 pixels between x = 76 and 896 are one step.
    CHECK_THAT(svg, Contains("<rect x=\"240\" y=\"98\" width=\"410\" height=\"384\""));
    CHECK_THAT(svg, Contains(">norms go<"));
}

TEST_CASE("a chart of nothing, of one point, or of one loss is still a chart") {
    for (const LossChart& chart : {LossChart{.title = "", .series = {}}, chart_of({}), chart_of({{7, 2.5}}),
                                   chart_of({{1, 3.0}, {2, 3.0}}), chart_of({{0, not_a_number}}),
                                   chart_of({{0, 1e300}, {1, -1e300}}), chart_of({{1e15, 3.0}, {1e15 + 1, 3.0}})}) {
        const std::string svg = draw_loss_chart(chart);
        CHECK(svg.find("nan") == std::string::npos);
        CHECK(svg.find("inf") == std::string::npos);
        CHECK_THAT(svg, Catch::Matchers::EndsWith("</svg>\n"));
        CHECK(svg.size() < 20'000);
    }
}

TEST_CASE("a loss chart escapes its texts") {
    LossChart chart = chart_of({{0, 1.0}});
    chart.title = "a<b & \"c\"\n";
    CHECK_THAT(draw_loss_chart(chart), Contains(">a&lt;b &amp; &quot;c&quot; </text>"));
}

TEST_CASE("a long legend of a loss chart takes another row") {
    LossChart chart = chart_of({{0, 2.0}, {10, 4.0}});
    const std::string one_row = last_curve(draw_loss_chart(chart));
    chart.mark_kinds.assign(12, "a kind of mark with a long name");
    CHECK(last_curve(draw_loss_chart(chart)) == one_row);  // what is not marked needs no name
    for (std::size_t kind = 0; kind < 12; ++kind) chart.marks.push_back({.step = 5, .kind = kind});
    CHECK(last_curve(draw_loss_chart(chart)) != one_row);
}

TEST_CASE("a mark of a kind without a name is refused") {
    LossChart chart = chart_of({{0, 1.0}});
    chart.marks = {{.step = 0, .kind = 0}};
    CHECK_THROWS_AS(draw_loss_chart(chart), lamina::ArgumentError);
    CHECK_THROWS_WITH(draw_loss_chart(chart),
                      "lamina: draw_loss_chart: a mark of kind 0, expected one of the 0 of mark_kinds");
}

TEST_CASE("a loss chart is written as it is drawn") {
    const ScratchFolder folder;
    const LossChart chart = chart_of({{0, 2.0}, {10, 4.0}});
    write_loss_chart(folder / "loss.svg", chart);
    CHECK(contents(folder / "loss.svg") == draw_loss_chart(chart));
}
