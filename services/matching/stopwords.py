"""Which words say nothing of what is asked or offered, in English and in Spanish?

Stop words are left out everywhere, so that `migración a la nube` and `migración de la nube` are the same phrase. Weak
words stay in phrases (`help desk`, `it support`) but are nobody's keyword when they stand alone in a free text.
All are written folded.
"""

from __future__ import annotations

_STOP_EN = """
a about above after again against all also am an and any are as at be because been before being below between both but
by can could did do does doing down during each few for from further had has have having he her here hers him his how i
if in into is its itself just me more most my no nor not now of off on once only or other our ours out over own per
same shall she should so some such than that the their theirs them then there these they this those through to too
under until up upon us very was we were what when where which while who whom why will with within would you your yours
s t d ll re ve
"""
_STOP_ES = """
a al algo algun alguna algunas alguno algunos ante antes asi aun aunque cada como con contra cual cuales cualquier
cuando cuanto de del desde donde dos durante e el ella ellas ellos en entre era es esa esas ese eso esos esta estan
estas este esto estos fue ha hace hacia han hasta hay la las le les lo los mas me mediante mi mis mismo mucho muy nada
ni no nos nosotros nuestra nuestras nuestro nuestros o otra otras otro otros para pero poco por porque pues que quien
se sea segun ser si sin sobre solo son su sus tal tambien tan tanto te tiene tienen todo toda todas todos traves tu tus
u un una unas uno unos usted ustedes y ya yo
"""
_WEAK_EN = """
it help need needs want looking look seek seeking request requests require required requirement rfi rfp information
provide provider providers provision supply supplier service services company companies business project projects work
works solution solutions partner partners support new good best please thanks year years month months day days quote
contact offer team people use using used make get general various several
"""
_WEAK_ES = """
ayuda necesita necesitan necesitamos necesito busca buscamos buscan buscando solicitud solicita solicitamos requiere
requerimos requerimiento informacion proveedor proveedores prestacion prestar servicio servicios empresa empresas
negocio proyecto proyectos trabajo trabajos solucion soluciones socio socios apoyo nuevo nueva buen mejor gracias ano
anos mes meses dia dias contacto oferta equipo personas uso usar hacer general varios contratar contrato contratacion
"""

STOP_WORDS = {"en": frozenset(_STOP_EN.split()), "es": frozenset(_STOP_ES.split())}
WEAK_WORDS = {"en": frozenset(_WEAK_EN.split()), "es": frozenset(_WEAK_ES.split())}
