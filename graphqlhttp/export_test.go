package graphqlhttp

// SizeInMemory is what a document is taken to need.
var SizeInMemory = sizeInMemory

// Decode reads JSON as a request's is read.
var Decode = decode
