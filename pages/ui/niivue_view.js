// What is changed in NiiVue's view itself: drawn once a message, and the scan's colours made without a shader.
(() => {
  "use strict";
  const RENDER = 4;                              // NiiVue's number of the 3D view
  const INT16 = 65536;
  let room = new Uint8ClampedArray(0), held = false;

  // While a scan is loaded NiiVue draws a dozen times; `tierscopeHold(true)` until the last of them.
  window.tierscopeHold = (on) => { held = on; };

  window.tierscopeAdopt = (view) => {
    window.tierscopeView = view;
    const kind = Object.getPrototypeOf(view);
    view.drawScene = function () { return held ? undefined : kind.drawScene.call(this); };
    view.setSliceType = function (type) {
      if (type === this.opts.sliceType) return this;
      this.opts.sliceType = type;
      if (type === RENDER && this.volumeTexture?.tierscopeFlat) this.updateGLVolume();
      return kind.setSliceType.call(this, type);
    };
  };

  const whole = (img) => img instanceof Int16Array || img instanceof Uint8Array;

  // The server has said what is black and white: no need to go through the voxels, in a copy of them.
  window.tierscopeRange = ({ hdr, img }) => {
    if (!whole(img) || !(hdr.cal_max > hdr.cal_min)) return null;
    const most = img instanceof Uint8Array ? 255 : 32000;
    return { lowest: hdr.scl_inter, highest: hdr.scl_inter + hdr.scl_slope * most };
  };

  function greys({ hdr, img, cal_min: black, cal_max: white }) {
    const table = new Uint8ClampedArray(INT16), first = img instanceof Uint8Array ? 0 : -INT16 / 2;
    const scale = 255 / Math.max(white - black, 1e-30);
    for (let raw = first; raw < first + INT16; raw++) {
      table[raw & (INT16 - 1)] = (raw * hdr.scl_slope + hdr.scl_inter - black) * scale;
    }
    return table;
  }

  // The grey of every voxel, in the order right, anterior, superior.
  function filled(volume) {
    const { img, dimsRAS: [, wide, deep, high], img2RASstep: [x, y, z], img2RASstart: start } = volume;
    const table = greys(volume), corner = start[0] + start[1] + start[2];
    if (room.length < wide * deep * high) room = new Uint8ClampedArray(wide * deep * high);
    let to = 0;
    for (let k = 0; k < high; k++) {
      for (let j = 0; j < deep; j++) {
        for (let i = 0, from = corner + k * z + j * y; i < wide; i++, from += x) {
          room[to++] = table[img[from] & (INT16 - 1)];
        }
      }
    }
    return new Uint8Array(room.buffer, 0, to);
  }

  // NiiVue gives each voxel its colour by a shader, a pass a slice: most of a second in software. Grey planes
  // need one byte a voxel and no transparency, so it is made here; null where NiiVue's own way is needed.
  window.tierscopeFlat = (view, volume) => {
    const { gl, opts } = view;
    if (!whole(volume.img) || volume.colormap !== "gray" || opts.sliceType === RENDER) return null;
    const [, wide, deep, high] = volume.dimsRAS;
    if (view.volumeTexture) gl.deleteTexture(view.volumeTexture);
    const texture = gl.createTexture();
    texture.tierscopeFlat = true;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    for (const side of [gl.TEXTURE_WRAP_R, gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_3D, side, gl.CLAMP_TO_EDGE);
    }
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage3D(
      gl.TEXTURE_3D, 0, gl.LUMINANCE, wide, deep, high, 0, gl.LUMINANCE, gl.UNSIGNED_BYTE, filled(volume));
    return texture;
  };
})();
