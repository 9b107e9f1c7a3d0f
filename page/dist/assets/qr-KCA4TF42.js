import{a}from"/assets/chunk-CFMMKBQ6.js";import"/assets/chunk-644FTCIQ.js";export{a as qrCode};
