#include <array>
#include <cmath>
#include <cstdio>

#include "ui/plot/chart.h"

namespace switchyard::ui {
namespace {

std::string number(double value) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.2f", value);
  std::string text = buffer.data();
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
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
      default:
        if (static_cast<unsigned char>(c) >= 0x20) result += c;
    }
  }
  return result;
}

std::string paint(const char* attribute, Color color) {
  std::array<char, 96> buffer{};
  std::snprintf(buffer.data(),
                buffer.size(),
                "%s=\"#%02x%02x%02x\"",
                attribute,
                red(color),
                green(color),
                blue(color));
  std::string text = buffer.data();
  if (alpha(color) < 255)
    text += std::string(" ") + attribute + "-opacity=\"" + number(alpha(color) / 255.0) + "\"";
  return text;
}

std::string points_of(const ChartShape& shape) {
  std::string text;
  for (const ChartPoint& point : shape.points) {
    if (!text.empty()) text += ' ';
    text += number(point.x) + "," + number(point.y);
  }
  return text;
}

std::string text_element(const ChartShape& shape) {
  const char* anchor = shape.anchor < 0 ? "end" : (shape.anchor == 0 ? "middle" : "start");
  return "<text x=\"" + number(shape.points[0].x) + "\" y=\"" + number(shape.points[0].y) +
         "\" font-size=\"" + number(shape.size) + "\" text-anchor=\"" + anchor + "\"" +
         (shape.is_strong ? " font-weight=\"600\" " : " ") + paint("fill", shape.color) + ">" +
         escaped(shape.text) + "</text>\n";
}

std::string element(const ChartShape& shape) {
  const std::string clip = shape.is_clipped ? " clip-path=\"url(#plot)\"" : "";
  switch (shape.kind) {
    case ChartShape::Kind::kText:
      return shape.text.empty() ? "" : text_element(shape);
    case ChartShape::Kind::kRect: {
      const ChartPoint a = shape.points[0], b = shape.points[1];
      return "<rect x=\"" + number(a.x) + "\" y=\"" + number(a.y) + "\" width=\"" +
             number(b.x - a.x) + "\" height=\"" + number(b.y - a.y) + "\" rx=\"3\" " +
             paint("fill", shape.color) + "/>\n";
    }
    case ChartShape::Kind::kArea:
      return "<polygon points=\"" + points_of(shape) + "\" " + paint("fill", shape.color) + clip +
             "/>\n";
    case ChartShape::Kind::kLine:
      break;
  }
  return "<polyline points=\"" + points_of(shape) + "\" fill=\"none\" stroke-linejoin=\"round\" " +
         paint("stroke", shape.color) + " stroke-width=\"" + number(shape.width) + "\"" +
         (shape.is_dashed ? " stroke-dasharray=\"6 3\"" : "") + clip + "/>\n";
}

}  // namespace

std::string svg_of_chart(const Chart& chart) {
  const std::string width = number(chart.width), height = number(chart.height);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" +
                    height + "\" viewBox=\"0 0 " + width + " " + height +
                    "\" font-family=\"Inter, Helvetica, Arial, sans-serif\">\n";
  svg += "<defs><clipPath id=\"plot\"><rect x=\"" + number(chart.plot_min.x) + "\" y=\"" +
         number(chart.plot_min.y) + "\" width=\"" + number(chart.plot_max.x - chart.plot_min.x) +
         "\" height=\"" + number(chart.plot_max.y - chart.plot_min.y) + "\"/></clipPath></defs>\n";
  svg += "<rect width=\"" + width + "\" height=\"" + height + "\" " +
         paint("fill", chart.background) + "/>\n";
  for (const ChartShape& shape : chart.shapes) svg += element(shape);
  return svg + "</svg>\n";
}

}  // namespace switchyard::ui
