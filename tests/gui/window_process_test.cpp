#include "tests/gui/app_driver.h"
