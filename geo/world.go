package geo

// WorldWidth and WorldHeight are the size of the world map's drawing: one
// unit a degree, equirectangular, from 180° west to 180° east and from 84°
// north to 57° south (nobody signs in from farther out).
const (
	WorldWidth  = 360
	WorldHeight = 141
	north       = 84
)
