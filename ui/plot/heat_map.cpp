#include "ui/plot/heat_map.h"
