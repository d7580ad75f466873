// What is changed in NiiVue's view itself: drawn once a message, letters that can be read, a cross hair that can be
// put away, and the scan's colours made without a shader.
(() => {
  "use strict";
  const RENDER = 4;                              // NiiVue's number of the 3D view
  const AXIAL = 0, SAGITTAL = 2, PLANES = 3;
  const LETTER_PX = 16, SMALL_PX = 13, MARGIN_PX = 4, HALO_PX = 3, CROSS_PX = 2;
  const ARM_FROM_PX = 5, ARM_TO_PX = 16;         // of the lightbox's cross hair
  const WHITE = [1, 1, 1, 1], DARK = [0, 0, 0, 0.85];
  const AROUND = [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]];
  const CORNERS = AROUND.filter(([x, y]) => x && y);
  const INT16 = 65536;
  let room = new Uint8ClampedArray(0), held = false, fitting = false;

  // While a scan is loaded NiiVue draws a dozen times; `tierscopeHold(true)` until the last of them.
  window.tierscopeHold = (on) => { held = on; };

  window.tierscopeAdopt = (view) => {
    window.tierscopeView = view;
    const kind = Object.getPrototypeOf(view);
    view.drawScene = function () {
      if (held || fitted(this)) return undefined;
      window.tierscopeArrange(this);
      return kind.drawScene.call(this);
    };
    view.setSliceType = function (type) {
      if (type === this.opts.sliceType) return this;
      this.opts.sliceType = type;
      if (type === RENDER && this.volumeTexture?.tierscopeFlat) this.updateGLVolume();
      return kind.setSliceType.call(this, type);
    };
    view.drawSliceOrientationText = function (tile, plane) { letters(this, tile, plane); };
    view.drawCrossLines = function (...how) { if (window.tierscopeCross) kind.drawCrossLines.apply(this, how); };
    view.drawCrosshairs3D = function (...how) { if (window.tierscopeCross) thinly(this, how, kind.drawCrosshairs3D); };
    const attach = view.attachToCanvas;
    view.attachToCanvas = async function (...how) {
      const attached = await attach.apply(this, how);
      window.tierscopeHands(this);
      return attached;
    };
    let told = null;                             // NiiVue's page listens too, and at times afresh
    Object.defineProperty(view, "onLocationChange", {
      get: () => (where) => { told?.(where); window.tierscopeLocated?.(where); },
      set: (listener) => { told = listener; },
    });
  };

  // NiiVue's page gives the canvas the proportions of each image anew; here it fills its frame, whatever is shown,
  // else planes are laid out in a part of it. Resizing draws.
  function fitted(view) {
    const { canvas } = view, dpr = view.uiData?.dpr || 1;
    if (fitting || !canvas?.offsetWidth || !canvas.offsetHeight) return false;
    const off = (buffer, shown) => Math.abs(buffer - shown * dpr) > 2;
    if (!off(canvas.width, canvas.offsetWidth) && !off(canvas.height, canvas.offsetHeight)) return false;
    fitting = true;
    try { view.resizeListener(); } finally { fitting = false; }
    return true;
  }

  // ---- letters -------------------------------------------------------------------------------------

  const sides = ({ opts }, plane) => [
    ...(plane === SAGITTAL ? ["A", "P"] : ["L", "R"]),
    ...(plane === AXIAL ? ["A", "P"] : ["S", "I"]),
    plane === SAGITTAL ? opts.sagittalNoseLeft : !opts.isRadiologicalConvention,
  ];

  // Where the cross hair meets the edges of a plane, in pixels of the canvas.
  function crossing(view, [left, top, wide, high], plane, lowFirst) {
    const [x, y, z] = view.scene.crosshairPos, along = plane === SAGITTAL ? 1 - y : x, up = plane === AXIAL ? y : z;
    return [left + wide * (lowFirst ? along : 1 - along), top + high * (1 - up)];
  }

  // In the middle of each edge, but beside the cross hair.
  function letters(view, tile, plane) {
    if (!(view.fontPx > 0)) return;
    if (window.tierscopeIsLightbox() && view.opts.sliceType === PLANES) return place(view, tile, plane);
    const { gl, uiData } = view, dpr = uiData.dpr || 1, size = LETTER_PX * dpr, margin = MARGIN_PX * dpr;
    const [left, top, wide, high] = tile, [first, second, upper, lower, firstIsLeft] = sides(view, plane);
    const [acrossAt, downAt] = crossing(view, tile, plane, firstIsLeft);
    const beside = (middle, cross) => (window.tierscopeCross && Math.abs(middle - cross) < size ? cross + size : middle);
    const x = beside(left + wide / 2, acrossAt), y = beside(top + high / 2, downAt);
    const [onLeft, onRight] = firstIsLeft ? [first, second] : [second, first];
    const width = (letter) => view.textWidth(size, letter);
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    for (const [letter, at] of [
      [upper, [x - width(upper) / 2, top + margin]], [lower, [x - width(lower) / 2, top + high - size - margin]],
      [onLeft, [left + margin, y - size / 2]], [onRight, [left + wide - margin - width(onRight), y - size / 2]],
    ]) outlined(view, letter, at, size / view.fontPx, HALO_PX * dpr);
  }

  // In the lightbox: where the middle of the slice lies, in mm as the read-out tells them, the sides of each, and
  // the cross hair in the slice that is nearest to it.
  function place(view, [left, top, wide, high], plane) {
    const { gl, uiData, screenSlices } = view, dpr = uiData.dpr || 1, size = SMALL_PX * dpr, along = [0.5, 0.5, 0.5];
    const axis = [2, 1, 0][plane];
    along[axis] = screenSlices[screenSlices.length - 1]?.sliceFrac ?? 0.5;
    const said = view.frac2mm(along, 0, true)[axis].toFixed(0).replace(/^-0$/, "0");
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    const margin = MARGIN_PX * dpr, y = top + (high - size) / 2, [first, second, , , firstIsLeft] = sides(view, plane);
    const [onLeft, onRight] = firstIsLeft ? [first, second] : [second, first];
    view.drawText([left + margin, top + margin], said, size / view.fontPx, WHITE);
    for (const [letter, x] of [[onLeft, left + margin], [onRight, left + wide - margin - view.textWidth(size, onRight)]]) {
      for (const [dx, dy] of CORNERS) view.drawText([x + dx * dpr, y + dy * dpr], letter, size / view.fontPx, DARK);
      view.drawText([x, y], letter, size / view.fontPx, WHITE);
    }
    if (!window.tierscopeCross || !window.tierscopeNearest(along[axis], view.scene.crosshairPos[axis])) return;
    const [acrossAt, downAt] = crossing(view, [left, top, wide, high], plane, firstIsLeft);
    for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
      const line = [ARM_FROM_PX, ARM_TO_PX].flatMap((far) => [acrossAt + dx * far * dpr, downAt + dy * far * dpr]);
      view.drawLine(line, CROSS_PX * dpr, view.opts.crosshairColor);
    }
  }

  function outlined(view, letter, [x, y], scale, halo) {
    for (const far of [halo, halo / 2]) {
      for (const [dx, dy] of AROUND) view.drawText([x + dx * far, y + dy * far], letter, scale, DARK);
    }
    view.drawText([x, y], letter, scale, WHITE);
  }

  // ---- cross hair ----------------------------------------------------------------------------------

  // NiiVue draws the cross hair in millimetres, so thicker where a plane is larger: here so many pixels in each.
  function thinly(view, how, draw) {
    const { gl, opts } = view, matrix = how[2], usual = opts.crosshairWidth;
    const port = gl.getParameter(gl.VIEWPORT);      // none once the graphics gave up
    const perMm = matrix && port ? Math.hypot(matrix[0], matrix[4], matrix[8]) * port[2] / 2 : 0;
    if (perMm > 0) opts.crosshairWidth = CROSS_PX * (window.devicePixelRatio || 1) / perMm;
    if (view.crosshairs3D) view.crosshairs3D.mm[0] = NaN;          // it is made anew for each plane
    draw.apply(view, how);
    opts.crosshairWidth = usual;
  }

  // ---- grey planes ---------------------------------------------------------------------------------

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
