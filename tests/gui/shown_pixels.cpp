#include "tests/gui/shown_pixels.h"

#define GLFW_EXPOSE_NATIVE_X11
#include <X11/Xutil.h>

#include <GLFW/glfw3.h>
#include <GLFW/glfw3native.h>

namespace switchyard::test {

ui::Picture shown_pixels(GLFWwindow* window) {
  ui::Picture picture;
  int width = 0, height = 0;
  glfwGetFramebufferSize(window, &width, &height);
  XImage* image = XGetImage(glfwGetX11Display(),
                            glfwGetX11Window(window),
                            0,
                            0,
                            static_cast<unsigned>(width),
                            static_cast<unsigned>(height),
                            AllPlanes,
                            ZPixmap);
  if (image == nullptr) return picture;
  picture.width = width;
  picture.height = height;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const unsigned long pixel = XGetPixel(image, x, y);
      for (const unsigned shift : {16U, 8U, 0U})
        picture.pixels.push_back(static_cast<std::uint8_t>(pixel >> shift));
      picture.pixels.push_back(255);
    }
  }
  XDestroyImage(image);
  return picture;
}

}  // namespace switchyard::test
