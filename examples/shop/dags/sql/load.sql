delete from orders where day = cast(cast(:day as text) as date) and region = :region;
insert into orders (day, region, product, quantity, price, extracted_with, validated_with)
select cast(cast(:day as text) as date), :region, product, quantity, price, :extracted, :validated
from json_to_recordset(cast(cast(:orders as text) as json)) as o (product text, quantity integer, price numeric);
