package dossier

// CallCode is the number that a recovery's page shows for calls.
var CallCode = callCode
