(function () {
  "use strict";
  var series = JSON.parse(document.getElementById("series").textContent);
  var labels = ["seconds", "acknowledged/s", "refused/s", "median ms", "99 % ms", "longest ms"];
  function zoom(figure, rows, button) {
    var place = document.createElement("div");
    place.className = "zoomed";
    figure.insertBefore(place, button);
    button.remove();
    new Dygraph(place, rows, {
      labels: labels, legend: "always", connectSeparatedPoints: false, xlabel: "seconds since the scenario began",
      series: { "median ms": { axis: "y2" }, "99 % ms": { axis: "y2" }, "longest ms": { axis: "y2" } },
      ylabel: "operations/s", y2label: "ms", axes: { y2: { independentTicks: true } }
    });
  }
  Object.keys(series).forEach(function (id) {
    var figure = document.getElementById("figure-" + id);
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = "Zoom: drag over the picture; double-click to go back";
    button.addEventListener("click", function () { zoom(figure, series[id], button); });
    figure.insertBefore(button, figure.firstChild);
  });
}());
