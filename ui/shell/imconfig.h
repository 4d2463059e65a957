#pragma once

// Compile-time settings of Dear ImGui for every target that includes it (IMGUI_USER_CONFIG).
#define IMGUI_USE_WCHAR32       // emoji and rare CJK are addressable
#define ImDrawIdx unsigned int  // maps and long lines exceed 64 k vertices
#define IMGUI_ENABLE_FREETYPE   // Inter is drawn unhinted, which the built-in rasteriser cannot
#define IMGUI_DISABLE_DEMO_WINDOWS
#define IMGUI_DISABLE_DEFAULT_FONT
#define IMGUI_DISABLE_OBSOLETE_FUNCTIONS

#ifdef SY_TEST_ENGINE
#define IMGUI_TEST_ENGINE_ENABLE_STD_FUNCTION 1
#define IMGUI_TEST_ENGINE_ENABLE_COROUTINE_STDTHREAD_IMPL 1
#include "imgui_te_imconfig.h"
#endif
