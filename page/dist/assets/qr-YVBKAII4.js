import{a}from"/assets/chunk-GCNTZADH.js";import"/assets/chunk-644FTCIQ.js";export{a as qrCode};
