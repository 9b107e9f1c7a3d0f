import{a}from"/assets/chunk-AHSU62RX.js";export{a as Sounds};
